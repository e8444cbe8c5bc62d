import { z } from 'zod';

import { OrreryError } from '../../../core/errors.ts';
import type { JobParam } from '../../../core/ports/compute.ts';
import { jsonOf } from './provenance.ts';

const param = z.union([z.string(), z.number(), z.boolean()]);
/**
 * A recurring run of KFP: docs of `RecurringRun` and `Trigger` in recurring_run.proto. Either `cron`
 * (six fields, seconds first) or `intervalSeconds`.
 */
const schedule = z
  .strictObject({
    recurringRun: z.strictObject({
      cron: z.string().min(1).optional(),
      intervalSeconds: z.number().int().positive().optional(),
      /** Runs at once, 1–10. */
      maxConcurrency: z.number().int().min(1).max(10).default(1),
      /** Whether runs that were missed are left out. */
      noCatchup: z.boolean().default(true),
      params: z.record(z.string(), param).default({}),
    }),
  })
  .refine(
    ({ recurringRun }) =>
      (recurringRun.cron === undefined) !== (recurringRun.intervalSeconds === undefined),
    'name either cron or intervalSeconds',
  );

export interface Schedule {
  readonly trigger:
    | { readonly cron_schedule: { readonly cron: string } }
    | { readonly periodic_schedule: { readonly interval_second: string } };
  readonly maxConcurrency: number;
  readonly noCatchup: boolean;
  readonly params: Readonly<Record<string, JobParam>>;
}

/** A pipeline's source without our own document, and the schedule that this document names. */
export interface ScheduledSource {
  readonly text: string;
  readonly schedule: Schedule | null;
}

/**
 * The source may end with a document `--- {"recurringRun": {…}}` in JSON: it is taken off before
 * the pipeline is uploaded, and makes a recurring run.
 * @throws OrreryError SPEC_REJECTED for a malformed one
 */
export function splitSchedule(source: string): ScheduledSource {
  const documents = source.split(/^---[ \t]*$/m);
  const last = jsonOf(documents.at(-1) ?? '');
  if (typeof last !== 'object' || last === null || !('recurringRun' in last)) {
    return { text: source, schedule: null };
  }
  const parsed = schedule.safeParse(last);
  if (!parsed.success) {
    throw new OrreryError(
      'SPEC_REJECTED',
      `Cannot schedule the pipeline: ${parsed.error.issues.map(({ message }) => message).join('; ')}`,
    );
  }
  const { cron, intervalSeconds, maxConcurrency, noCatchup, params } = parsed.data.recurringRun;
  const trigger =
    cron === undefined
      ? { periodic_schedule: { interval_second: String(intervalSeconds) } }
      : { cron_schedule: { cron } };
  return {
    text: documents.slice(0, -1).join('---'),
    schedule: { trigger, maxConcurrency, noCatchup, params },
  };
}
