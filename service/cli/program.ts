import { Command, CommanderError } from 'commander';
import { addBackends } from './backend-commands.ts';
import { addBackfill } from './backfill-commands.ts';
import { addAssets, addDefinitions, addPools } from './definition-commands.ts';
import { addDoctor, addLogs, addSetup } from './engine-commands.ts';
import { reportFailure } from './failure.ts';
import { EXIT } from './io.ts';
import type { Io } from './io.ts';
import { addLifecycle } from './lifecycle-commands.ts';
import { addIncident } from './order-commands.ts';
import { addRuns } from './run-commands.ts';
import { addSchedule } from './schedule-commands.ts';
import { addWork } from './work-commands.ts';

const EPILOGUE = `
Exit codes: 0 done, 1 refused or failed, 2 wrong usage.
The Temporal server is found by TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_PROFILE and the
other variables of Temporal's client configuration; without them, where \`make up\` put it.
`;

/**
 * Carries out one command line.
 *
 * @param args without the program's name
 * @returns the exit code
 */
export async function runCli(args: readonly string[], io: Io): Promise<number> {
  try {
    await createProgram(io).parseAsync(args, { from: 'user' });
    return EXIT.ok;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    return reportFailure(io, error, args.includes('--json'));
  }
}

function createProgram(io: Io): Command {
  const program = new Command('orrery')
    .description('Durable orchestration of the whole life of a machine-learning model')
    .addHelpText('after', EPILOGUE)
    .showHelpAfterError('(add --help for the options and examples)')
    .exitOverride()
    .configureOutput({ writeOut: io.out, writeErr: io.err });
  addLifecycle(program, io);
  addSchedule(program, io);
  addIncident(program, io);
  addRuns(program, io);
  addBackends(program, io);
  addWork(program, io);
  addDefinitions(program, io);
  addBackfill(program, io);
  addAssets(program, io);
  addPools(program, io);
  addSetup(program, io);
  addLogs(program, io);
  addDoctor(program, io);
  return program;
}
