import type { Command } from 'commander';
import { orreryHome } from '../home.ts';
import { columns, leaf, print, withClient } from './command.ts';
import { Unsuccessful } from './io.ts';
import type { Io } from './io.ts';
import { linesOption } from './values.ts';

export function addSetup(program: Command, io: Io): void {
  leaf(program, {
    name: 'setup',
    summary: 'register what Orrery needs on a Temporal server; may be repeated',
    examples: ['orrery setup', 'TEMPORAL_ADDRESS=temporal.internal:7233 orrery setup'],
  }).action(async (options: { json?: boolean }) =>
    withClient(io, async (client) => {
      const { setupEngine } = await import('../operations/setup-engine.ts');
      const setup = await setupEngine(client);
      const added = setup.added.length === 0 ? 'nothing was missing' : setup.added.join(', ');
      print(io, options, setup, `Search attributes in "${setup.namespace}": added ${added}`);
    }),
  );
}

export function addLogs(program: Command, io: Io): void {
  leaf(program, {
    name: 'logs',
    summary: 'list the logs of this installation, or print the end of one',
    examples: ['orrery logs', 'orrery logs worker --lines 200'],
  })
    .argument('[name]', 'as listed, with or without .log')
    .option('--lines <n>', '1–10,000, default 100', linesOption)
    .action(async (name: string | undefined, options: { lines?: number; json?: boolean }) => {
      const { listLogs, tailLog } = await import('../logs.ts');
      const home = orreryHome(io.env);
      if (name !== undefined) {
        const lines = await tailLog(home, name, options.lines ?? 100);
        print(io, options, { name, lines }, lines.join('\n'));
        return;
      }
      const logs = await listLogs(home);
      const rows = logs.map((log) => [log.name, String(log.bytes), log.changedAt]);
      const none = 'No logs: nothing was brought up here';
      print(
        io,
        options,
        logs,
        logs.length === 0 ? none : columns(['LOG', 'BYTES', 'CHANGED'], rows),
      );
    });
}

export function addDoctor(program: Command, io: Io): void {
  leaf(program, {
    name: 'doctor',
    summary: 'check this machine; exit 1 if something that is needed is missing',
    examples: ['orrery doctor', 'orrery doctor --json'],
  }).action(async (options: { json?: boolean }) => {
    const { examine } = await import('../doctor/examine.ts');
    const findings = await examine(io.env);
    const rows = findings.map((finding) => [
      finding.state,
      finding.subject,
      finding.told,
      finding.state === 'ok' ? '' : finding.action,
    ]);
    print(io, options, findings, columns(['STATE', 'SUBJECT', 'FOUND', 'WHAT TO DO'], rows));
    if (findings.some((finding) => finding.state === 'missing')) {
      throw new Unsuccessful('something is missing');
    }
  });
}
