import { z } from 'zod';
import { HEARTBEAT_SECONDS_MAX } from '../core/training/watching.ts';

/** Parts of requests that run something on a far side. */

/** 30 days: longer steps are split. */
export const SECONDS_MAX = 30 * 24 * 3600;
export const seconds = (min: number, max: number) => z.number().min(min).max(max);

export const paramsSchema = z.record(
  z.string().max(200),
  z.union([z.string().max(10_000), z.number(), z.boolean()]),
);
export const commandSchema = z.array(z.string().min(1).max(4000)).min(1).max(100);
export const resourcesSchema = z.strictObject({
  cpus: z.number().gt(0).max(1024),
  memoryMiB: z.int().min(16),
});
export const graceSecondsSchema = seconds(1, 3600).default(30);

/**
 * Each flush of a heartbeat is an Action: a timeout of 1000 s makes 108 of them a day, 3 s makes one
 * each 2.4 s. A failed job is noticed at once whatever it is; a dead watcher after this time.
 */
export const heartbeatTimeoutSchema = seconds(1, HEARTBEAT_SECONDS_MAX);

export const jobPolicySchema = z
  .strictObject({
    attemptsMax: z.int().min(1).max(100).default(3),
    heartbeatTimeoutSeconds: heartbeatTimeoutSchema.default(3),
    stallSeconds: seconds(0, SECONDS_MAX).default(0),
  })
  .prefault({});

/** Optional members as zod types them (`| undefined`) are absent members in core. */
type Plain<T> = T extends readonly (infer Item)[]
  ? readonly Plain<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: Plain<Exclude<T[Key], undefined>> }
    : T;
export function plain<T>(value: T): Plain<T> {
  return JSON.parse(JSON.stringify(value)) as Plain<T>;
}
