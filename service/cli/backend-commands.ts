import type { Command } from 'commander';
import type { Resources } from '../../core/operations/order.ts';
import type { BackendCheck } from '../operations/backends.ts';
import { columns, group, leaf, print, withClient } from './command.ts';
import { Unsuccessful } from './io.ts';
import type { Io } from './io.ts';
import { cpusOption, memoryOption } from './values.ts';

export function addBackends(program: Command, io: Io): void {
  const backends = group(program, 'backends', 'what runs work: offers, prices, readiness');
  addList(backends, io);
  addDescribe(backends, io);
  addCheck(backends, io);
}

interface ListOptions {
  readonly cpus?: number;
  readonly memoryMib?: number;
  readonly json?: boolean;
}

function addList(backends: Command, io: Io): void {
  leaf(backends, {
    name: 'list',
    summary: 'list the backends like a price list: ports, endpoint, price of an hour, state',
    examples: ['orrery backends list', 'orrery backends list --cpus 8 --memory-mib 65536 --json'],
  })
    .option('--cpus <n>', 'of the machine that is priced (default: 4)', cpusOption)
    .option('--memory-mib <n>', 'of the machine that is priced (default: 16384)', memoryOption)
    .action(async (options: ListOptions) =>
      withClient(io, async (client) => {
        const { offersOf, REFERENCE_MACHINE } = await import('../operations/backends.ts');
        const { offersText } = await import('./price-text.ts');
        const machine: Resources = {
          cpus: options.cpus ?? REFERENCE_MACHINE.cpus,
          memoryMiB: options.memoryMib ?? REFERENCE_MACHINE.memoryMiB,
        };
        const offers = await offersOf(client, machine);
        print(io, options, { machine, offers }, offersText(offers, machine));
      }),
    );
}

function addDescribe(backends: Command, io: Io): void {
  leaf(backends, {
    name: 'describe',
    summary: 'say what one backend has, what it lacks and why',
    examples: ['orrery backends describe airflow'],
  })
    .argument('<backend>')
    .action(async (name: string, options: { json?: boolean }) =>
      withClient(io, async (client) => {
        const { describeBackend } = await import('../operations/backends.ts');
        const backend = await describeBackend(client, name);
        const rows = [
          ...backend.has.map((port) => [port, 'yes', '']),
          ...Object.entries(backend.lacks).map(([port, reason]) => [port, 'no', reason]),
        ].toSorted(([one = ''], [other = '']) => one.localeCompare(other));
        const where = backend.configured ? 'configured here' : 'not configured here';
        const table = columns(['PORT', 'HAS', 'WHY NOT'], rows);
        print(io, options, backend, `${name}: ${backend.summary}\n${where}\n\n${table}`);
      }),
    );
}

function addCheck(backends: Command, io: Io): void {
  leaf(backends, {
    name: 'check',
    summary: 'ask far sides whether they would work; exit 1 if something is missing',
    examples: ['orrery backends check', 'orrery backends check sagemaker vertex --json'],
  })
    .argument('[backends...]', 'default: all that are configured')
    .action(async (names: string[], options: { json?: boolean }) =>
      withClient(io, async (client) => {
        const { checkBackends } = await import('../operations/backends.ts');
        const checks = await checkBackends(client, names);
        print(io, options, checks, checksText(checks));
        if (checks.some(({ state }) => !['ready', 'unchecked'].includes(state))) {
          throw new Unsuccessful('something is missing');
        }
      }),
    );
}

function checksText(checks: readonly BackendCheck[]): string {
  if (checks.length === 0) return 'No backend is configured';
  const rows = checks.flatMap(({ backend, state, seconds, findings }) => [
    [backend, state, '', '', `${seconds.toFixed(1)} s`, ''],
    ...findings.map((finding) => [
      '',
      finding.state,
      finding.subject,
      finding.told,
      '',
      finding.action,
    ]),
  ]);
  return columns(['BACKEND', 'STATE', 'SUBJECT', 'FOUND', 'TOOK', 'WHAT TO DO'], rows);
}
