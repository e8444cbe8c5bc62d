/** `orrery pipeline|tune|train start FILE`: the price first, then the question, then the run. */
import type { Command } from 'commander';
import type { Client } from '@temporalio/client';
import { OrreryError, isErrorCode } from '../../core/errors.ts';
import type { StartRequest } from '../../core/operations/price-plan.ts';
import type { RunView } from '../operations/run-view.ts';
import type { StartKind, StartPlan } from '../operations/start-work.ts';
import { ask, group, leaf, print, withClient } from './command.ts';
import { Unsuccessful } from './io.ts';
import type { Io } from './io.ts';
import { planText, usdText } from './price-text.ts';
import { readJson } from './read-json.ts';

interface Runnable {
  readonly name: 'pipeline' | 'tune' | 'train';
  readonly workflow: StartKind;
  readonly group: string;
  readonly summary: string;
}

const RUNNABLES: readonly Runnable[] = [
  {
    name: 'pipeline',
    workflow: 'runPipeline',
    group: 'run a pipeline that a far side has',
    summary: 'run a pipeline, on the first of its backends that can',
  },
  {
    name: 'tune',
    workflow: 'tuneModel',
    group: 'search for good parameters',
    summary: 'start a search, on a far side or over jobs',
  },
  {
    name: 'train',
    workflow: 'trainModel',
    group: 'train a model on data that is in the store',
    summary: 'prepare the data and train, and release nothing',
  },
];

interface StartOptions {
  readonly dryRun?: boolean;
  readonly wait?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

export function addRuns(program: Command, io: Io): void {
  for (const runnable of RUNNABLES) addRun(program, io, runnable);
}

function addRun(program: Command, io: Io, { name, workflow, ...told }: Runnable): void {
  leaf(group(program, name, told.group), {
    name: 'start',
    summary: `${told.summary}; the same request again finds the run that is there`,
    examples: [
      `orrery ${name} start request.json --dry-run`,
      `orrery ${name} start request.json`,
      `orrery ${name} start request.json -y --wait`,
    ],
  })
    .argument('<file>', 'the request as JSON; - for standard input')
    .option('--dry-run', 'print what it costs at most, and start nothing')
    .option('-y, --yes', 'do not ask')
    .option('--wait', 'stay until it ends; exit 0 only if it succeeded')
    .action(async (file: string, options: StartOptions) => {
      const { parseStart } = await import('../operations/start-work.ts');
      const start = parseStart(workflow, await readJson(io, file));
      await withClient(io, (client) => begin(client, io, start, options));
    });
}

async function begin(
  client: Client,
  io: Io,
  start: StartRequest,
  options: StartOptions,
): Promise<void> {
  const { planStart, startWork } = await import('../operations/start-work.ts');
  const plan = await planStart(client, start);
  if (options.dryRun === true) return print(io, options, plan, planText(plan));
  if (options.json !== true) io.err(`${planText(plan)}\n`);
  if (!(await ask(io, options, questionFor(plan)))) return;
  const run = await startWork(client, start);
  const told = run.started ? 'Started' : 'The same request holds it already:';
  if (options.wait !== true) {
    const next = 'the same command with --wait follows it';
    return print(io, options, run, `${told} ${run.workflowId}\nnext: ${next}`);
  }
  io.err(`${told} ${run.workflowId}\n`);
  await follow(client, io, run.workflowId, options);
}

/** What is asked before money is spent. */
export function questionFor({ workflowId, usdMax }: StartPlan): string {
  const most = usdMax === null ? '' : ` for at most $${usdText(usdMax)}`;
  return `Start ${workflowId}${most}?`;
}

async function follow(
  client: Client,
  io: Io,
  workflowId: string,
  options: StartOptions,
): Promise<void> {
  const [{ followRun }, { runText }] = await Promise.all([
    import('./follow.ts'),
    import('./run-text.ts'),
  ]);
  const view = await followRun(client, workflowId, (change) => {
    if (options.json !== true) io.err(`${runText(change)}\n`);
  });
  print(io, options, view, resultText(view));
  if (view.status === 'COMPLETED') return;
  throw (options.json === true ? null : errorOf(view)) ?? new Unsuccessful(view.status);
}

function resultText({ workflowId, status, result }: RunView): string {
  const told = result === null ? '' : `\n${JSON.stringify(result, null, 2)}`;
  return `${workflowId}: ${status.toLowerCase()}${told}`;
}

function errorOf({ failure }: RunView): OrreryError | null {
  const [, code, message] = /^([A-Z_]+): ([\s\S]*)$/.exec(failure ?? '') ?? [];
  return isErrorCode(code) ? new OrreryError(code, message ?? '') : null;
}
