import type { Command } from 'commander';
import type { Client } from '@temporalio/client';
import type { OwnedWork, SweptWork, WorkList } from '../operations/work.ts';
import { ask, columns, group, leaf, print, withClient } from './command.ts';
import { Unsuccessful } from './io.ts';
import type { Io } from './io.ts';
import { usdText } from './price-text.ts';

export function addWork(program: Command, io: Io): void {
  const work = group(program, 'work', 'remote work with our labels, and what nobody owns any more');
  addList(work, io);
  addSweep(work, io);
}

interface ListOptions {
  readonly backend?: string;
  readonly orphans?: boolean;
  readonly json?: boolean;
}

function addList(work: Command, io: Io): void {
  leaf(work, {
    name: 'list',
    summary: 'list jobs, pipeline runs and searches on all backends, with seconds and cost',
    examples: ['orrery work list', 'orrery work list --backend sagemaker --orphans'],
  })
    .option('--backend <name>', 'only there')
    .option('--orphans', 'only live work whose workflow does not run')
    .action(async ({ json, ...filter }: ListOptions) =>
      withClient(io, async (client) => {
        const { listWork } = await import('../operations/work.ts');
        const list = await listWork(client, filter);
        print(io, json === true ? { json } : {}, list, workText(list));
      }),
    );
}

interface SweepOptions {
  readonly backend?: string;
  readonly stop?: boolean;
  readonly keepUnknown?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

function addSweep(work: Command, io: Io): void {
  leaf(work, {
    name: 'sweep',
    summary: 'report live work whose workflow does not run; with --stop, stop it',
    examples: [
      'orrery work sweep',
      'orrery work sweep --stop',
      'orrery work sweep --backend vertex --stop --keep-unknown -y',
    ],
  })
    .option('--backend <name>', 'only there')
    .option('--stop', 'stop it, and report the state that was read afterwards')
    .option(
      '--keep-unknown',
      'leave work alone whose workflow this server does not know, such as that of another installation',
    )
    .option('-y, --yes', 'do not ask')
    .action(async (options: SweepOptions) =>
      withClient(io, (client) => sweep(client, io, options)),
    );
}

async function sweep(client: Client, io: Io, options: SweepOptions): Promise<void> {
  const { listWork, stopOrphans } = await import('../operations/work.ts');
  const { backend } = options;
  const found = await listWork(client, {
    orphans: true,
    ...(backend === undefined ? {} : { backend }),
  });
  const list: WorkList = {
    ...found,
    work: found.work.filter(({ owner }) => owner !== 'unknown' || options.keepUnknown !== true),
  };
  const stops = options.stop === true && list.work.length > 0;
  if (!stops) print(io, options, { ...list, stopped: [] }, workText(list, 'No orphans'));
  if (stops) {
    if (options.json !== true) io.out(`${workText(list)}\n`);
    if (!(await ask(io, options, questionFor(list.work)))) return;
    const swept = await stopOrphans(client, list.work);
    print(io, options, { ...list, stopped: swept }, sweptText(swept));
    const left = swept.filter(({ stopped, orphan }) => stopped === null && orphan);
    if (left.length > 0) throw new Unsuccessful('something was not stopped');
  }
  if (list.untold.length > 0) throw new Unsuccessful('a backend did not tell its work');
}

function questionFor(work: readonly OwnedWork[]): string {
  const unknown = work.filter(({ owner }) => owner === 'unknown').length;
  const warning =
    unknown === 0
      ? ''
      : ` ${unknown} of them belong to workflows that this server does not know: older than its retention, or another installation's.`;
  return `Stop ${work.length} ${work.length === 1 ? 'piece' : 'pieces'} of work?${warning}`;
}

function workText({ work, untold }: WorkList, none = 'No work'): string {
  const rows = work.map((each) => [
    each.backend,
    each.port,
    each.remoteId,
    each.phase,
    each.billableSeconds.toFixed(0),
    each.costUsd === null ? '' : usdText(each.costUsd),
    each.orphan ? `${each.owner} (orphan)` : each.owner,
    each.labels.workflowId,
  ]);
  const titles = ['BACKEND', 'PORT', 'REMOTE ID', 'PHASE', 'SECONDS', 'USD', 'OWNER', 'WORKFLOW'];
  const gaps = untold.map(({ backend, reason }) => `Not told by ${backend}: ${reason}`);
  return [work.length === 0 ? none : columns(titles, rows), ...gaps].join('\n');
}

function sweptText(swept: readonly SweptWork[]): string {
  const rows = swept.map(({ backend, remoteId, stopped, kept }) => [
    backend,
    remoteId,
    stopped?.phase ?? 'not stopped',
    stopped?.reason.split('\n')[0] ?? kept ?? '',
  ]);
  return columns(['BACKEND', 'REMOTE ID', 'NOW', 'REASON'], rows);
}
