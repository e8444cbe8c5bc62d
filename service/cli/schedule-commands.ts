import type { Command } from 'commander';
import type { ScheduleOrder } from '../operations/schedules.ts';
import { ask, columns, group, leaf, print, withClient } from './command.ts';
import type { Io } from './io.ts';
import { readJson } from './read-json.ts';
import { secondsOption } from './values.ts';

export function addSchedule(program: Command, io: Io): void {
  const schedule = group(program, 'schedule', 'retrain models on a schedule');
  addCreate(schedule, io);
  addReadings(schedule, io);
  addOrder(schedule, io, 'trigger', 'retrain now; skipped while a retraining runs');
  addOrder(schedule, io, 'pause', 'fire no more until unpaused');
  addOrder(schedule, io, 'unpause', 'fire again');
  addOrder(schedule, io, 'delete', 'delete the schedule; a retraining that runs goes on');
  addBackfill(schedule, io);
}

interface CreateOptions {
  readonly request: string;
  readonly cron?: string;
  readonly every?: number;
  readonly timezone?: string;
  readonly jitter?: number;
  readonly json?: boolean;
}

function addCreate(schedule: Command, io: Io): void {
  leaf(schedule, {
    name: 'create',
    summary: 'create the schedule that retrains a model',
    examples: [
      'orrery schedule create --request retrain.json --cron "0 3 * * 1" --timezone Europe/Berlin',
      'orrery schedule create --request retrain.json --every 86400 --jitter 600',
    ],
  })
    .requiredOption('--request <file>', 'the retraining request as JSON; - for standard input')
    .option('--cron <expression>', 'when, such as "0 3 * * 1"')
    .option('--every <seconds>', 'how often instead', secondsOption)
    .option('--timezone <name>', 'of the cron expression (default: UTC)')
    .option('--jitter <seconds>', 'delay each firing by a random part of this', secondsOption)
    .action(async (options: CreateOptions) => {
      const { parseRetrainRequest } = await import('../../schemas/lifecycle.ts');
      const request = parseRetrainRequest(await readJson(io, options.request));
      const { createSchedule, specOf } = await import('../operations/schedules.ts');
      const timing = {
        ...(options.cron === undefined ? {} : { cron: options.cron }),
        ...(options.every === undefined ? {} : { everySeconds: options.every }),
        ...(options.timezone === undefined ? {} : { timezone: options.timezone }),
        ...(options.jitter === undefined ? {} : { jitterSeconds: options.jitter }),
      };
      // A wrong timing is told before the server is asked.
      specOf(timing);
      await withClient(io, async (client) => {
        const answer = await createSchedule(client, request, timing);
        const told = answer.created ? 'Created' : 'It exists already:';
        print(io, options, answer, `${told} ${answer.scheduleId}`);
      });
    });
}

function addReadings(schedule: Command, io: Io): void {
  leaf(schedule, {
    name: 'list',
    summary: 'list the retraining schedules',
    examples: ['orrery schedule list'],
  }).action(async (options: { json?: boolean }) =>
    withClient(io, async (client) => {
      const { listSchedules } = await import('../operations/schedules.ts');
      const schedules = await listSchedules(client);
      const rows = schedules.map((each) => [
        each.scheduleId,
        each.paused ? 'paused' : 'active',
        each.nextAt[0] ?? '',
        each.recent.at(-1)?.at ?? '',
      ]);
      const table = columns(['SCHEDULE', 'STATE', 'NEXT', 'LAST'], rows);
      print(io, options, schedules, schedules.length === 0 ? 'No schedules' : table);
    }),
  );
  leaf(schedule, {
    name: 'show',
    summary: 'show the schedule of a model',
    examples: ['orrery schedule show fraud --json'],
  })
    .argument('<model>')
    .action(async (model: string, options: { json?: boolean }) =>
      withClient(io, async (client) => {
        const { showSchedule } = await import('../operations/schedules.ts');
        const details = await showSchedule(client, model);
        const { request: _, ...told } = details;
        const lines = Object.entries(told).map(([name, value]) => [name, JSON.stringify(value)]);
        print(io, options, details, columns(['MEMBER', 'VALUE'], lines));
      }),
    );
}

interface OrderOptions {
  readonly note: string;
  readonly yes?: boolean;
  readonly json?: boolean;
}

function addOrder(schedule: Command, io: Io, order: ScheduleOrder, summary: string): void {
  const command = leaf(schedule, {
    name: order,
    summary,
    examples: [`orrery schedule ${order} fraud`],
  })
    .argument('<model>')
    .option('--note <text>', 'why, shown with the schedule', '');
  if (order === 'delete') command.option('-y, --yes', 'do not ask');
  command.action(async (model: string, options: OrderOptions) => {
    if (order === 'delete' && !(await ask(io, options, `Delete the schedule of ${model}?`))) return;
    await withClient(io, async (client) => {
      const { orderSchedule } = await import('../operations/schedules.ts');
      const answer = await orderSchedule(client, model, order, options.note);
      print(io, options, answer, `${answer.scheduleId}: ${answer.done} done`);
    });
  });
}

function addBackfill(schedule: Command, io: Io): void {
  leaf(schedule, {
    name: 'backfill',
    summary: 'fire for every time in a range, one retraining after the other',
    examples: [
      'orrery schedule backfill fraud --from 2026-11-01T00:00:00Z --to 2026-11-08T00:00:00Z',
    ],
  })
    .argument('<model>')
    .requiredOption('--from <time>', 'ISO 8601 with a time zone')
    .requiredOption('--to <time>', 'ISO 8601 with a time zone, after --from')
    .action(async (model: string, options: { from: string; to: string; json?: boolean }) =>
      withClient(io, async (client) => {
        const { backfillSchedule } = await import('../operations/schedules.ts');
        const answer = await backfillSchedule(client, model, options);
        print(io, options, answer, `${answer.scheduleId}: ${answer.done} done`);
      }),
    );
}
