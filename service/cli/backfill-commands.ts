import type { Command } from 'commander';
import type { BackfillReading, BackfillSpec } from '../../core/ports/backfill.ts';
import type { JobParam } from '../../core/ports/compute.ts';
import { OrreryError } from '../../core/errors.ts';
import { ask, columns, group, leaf, print } from './command.ts';
import type { Io } from './io.ts';
import { giveOrder } from './order.ts';
import { limitOption, paramOption } from './values.ts';

interface SpecOptions {
  readonly backend: string;
  readonly pipeline: string;
  readonly from: string;
  readonly to: string;
  readonly key?: string;
  readonly param?: Readonly<Record<string, JobParam>>;
  readonly reprocess: BackfillSpec['reprocess'];
  readonly parallel?: number;
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** Hexadecimal digits of a key that is derived. */
const KEY_DIGITS = 20;

export function addBackfill(program: Command, io: Io): void {
  const backfill = group(program, 'backfill', 'runs of a far side’s pipeline for past times');
  specCommand(backfill, 'plan', 'print the times that would run, and start nothing').action(
    async (options: SpecOptions) => {
      const { backend } = options;
      const spec = await specOf(options);
      const plan = await giveOrder(io, { kind: 'planBackfill', backend, spec });
      print(io, options, plan, timesText(plan.items, plan.left));
    },
  );
  specCommand(backfill, 'start', 'print the times that will run, ask, and start them')
    .option('-y, --yes', 'do not ask')
    .action(async (options: SpecOptions) => {
      const { backend } = options;
      const spec = await specOf(options);
      const plan = await giveOrder(io, { kind: 'planBackfill', backend, spec });
      if (options.json !== true) io.err(`${timesText(plan.items, plan.left)}\n`);
      const count = plan.items.length + plan.left;
      if (!(await ask(io, options, `Start ${count} runs of ${spec.pipeline}?`))) return;
      const reading = await giveOrder(io, { kind: 'startBackfill', backend, spec });
      print(io, options, reading, readingText(reading));
    });
  addReadings(backfill, io);
}

function specCommand(backfill: Command, name: string, summary: string): Command {
  const times = '--from 2026-11-01T00:00:00Z --to 2026-11-07T00:00:00Z';
  return leaf(backfill, {
    name,
    summary,
    examples: [`orrery backfill ${name} --backend airflow --pipeline refresh ${times}`],
  })
    .requiredOption('--backend <name>', 'where the pipeline is')
    .requiredOption('--pipeline <name>', 'the far side’s name for it')
    .requiredOption('--from <time>', 'ISO 8601 with a time zone, inclusive')
    .requiredOption('--to <time>', 'ISO 8601 with a time zone, inclusive')
    .option('--param <name=value>', 'of each run; may be repeated', paramOption)
    .option('--reprocess <which>', 'run again: none, failed or completed', 'none')
    .option('--parallel <n>', 'runs at once, default 1', limitOption)
    .option('--key <key>', 'the same key is the same backfill (default: derived from the rest)');
}

async function specOf(options: SpecOptions): Promise<BackfillSpec> {
  const { backfillSchema } = await import('../../schemas/operations.ts');
  const { parseOrThrow } = await import('../../schemas/parse.ts');
  const { digestOf } = await import('../../core/canonical.ts');
  const { pipeline, from, to, param: params = {}, reprocess, parallel: parallelMax = 1 } = options;
  const rest = { pipeline, from, to, params, reprocess, parallelMax };
  const key = options.key ?? `b${digestOf(rest).slice(0, KEY_DIGITS)}`;
  return parseOrThrow(backfillSchema, { key, ...rest }, 'the backfill');
}

function addReadings(backfill: Command, io: Io): void {
  const common = (name: string, summary: string) =>
    leaf(backfill, {
      name,
      summary,
      examples: [`orrery backfill ${name} refresh b0123456789abcdef0123 --backend airflow`],
    })
      .argument('<pipeline>')
      .argument('<key>', 'as start told it')
      .requiredOption('--backend <name>', 'where the pipeline is');
  common('show', 'show a backfill and its runs').action(
    async (pipeline: string, key: string, options: { backend: string; json?: boolean }) => {
      const { backend } = options;
      const reading = await giveOrder(io, { kind: 'readBackfill', backend, pipeline, key });
      print(io, options, reading, readingText(there(reading, pipeline, key)));
    },
  );
  common('stop', 'stop a backfill; returns when no run of it is live')
    .option('-y, --yes', 'do not ask')
    .action(
      async (
        pipeline: string,
        key: string,
        options: { backend: string; yes?: boolean; json?: boolean },
      ) => {
        const { backend } = options;
        if (!(await ask(io, options, `Stop the backfill ${key} of ${pipeline}?`))) return;
        const reading = await giveOrder(io, { kind: 'stopBackfill', backend, pipeline, key });
        print(io, options, reading, readingText(there(reading, pipeline, key)));
      },
    );
}

function there(reading: BackfillReading | null, pipeline: string, key: string): BackfillReading {
  if (reading !== null) return reading;
  throw new OrreryError(
    'NOT_FOUND',
    `Cannot show the backfill ${key}: ${pipeline} has none under this key`,
  );
}

function timesText(times: readonly string[], left: number): string {
  const more = left === 0 ? [] : [`… and ${left} more`];
  return times.length === 0 ? 'No times would run' : [...times, ...more].join('\n');
}

function readingText({ key, phase, reason, runs }: BackfillReading): string {
  const table = columns(
    ['AT', 'PHASE'],
    runs.map((run) => [run.at, run.phase]),
  );
  return `${key}: ${phase} (${reason})${runs.length === 0 ? '' : `\n${table}`}`;
}
