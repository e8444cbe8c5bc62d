import { z } from 'zod';

/** Scripts of what runs on the far side beside jobs. */

const seconds = z.number().nonnegative();

const pipelineTask = z.strictObject({
  name: z.string().min(1),
  seconds: seconds.default(10),
  /** How many of its runs fail, the first ones first, over all runs of the same spec. */
  fails: z.int().nonnegative().default(0),
  /** Runs on until the run is stopped or its time is up. */
  stalls: z.boolean().default(false),
  /** Addresses that the lineage tells. */
  reads: z.array(z.string()).default([]),
  writes: z.array(z.string()).default([]),
});

export const pipelineScript = z.strictObject({
  /** One after the other. */
  tasks: z
    .array(pipelineTask)
    .min(1)
    .default([pipelineTask.parse({ name: 'run' })]),
  /** Null: the far side tells no cost. */
  usdPerHour: z.number().nonnegative().nullable().default(null),
  /** Seconds after which the far side has forgotten a run; null for never. */
  vanishesAtSecond: seconds.nullable().default(null),
  /** Whether failed tasks can be run again. */
  retries: z.boolean().default(true),
});
export type PipelineScript = z.output<typeof pipelineScript>;

/** The first rule whose members all match a search says how it goes; without one it succeeds. */
export const searchRule = z.strictObject({
  version: z.string().optional(),
  /** 1, 2, …: how many searches of the same spec there are with this one. */
  attempt: z.int().positive().optional(),
  trialSeconds: seconds.default(30),
  /** How many trials fail, the first ones first. */
  trialsFail: z.int().nonnegative().default(0),
  /** Its trials run on until it is stopped or its time is up. */
  stalls: z.boolean().default(false),
});
export type SearchRule = z.output<typeof searchRule>;

/** What trials come to: the nearer to the optimum, the better. */
export const objectiveScript = z
  .strictObject({
    /** Parameter → its best value; without any, the value is drawn from the parameters. */
    optimum: z.record(z.string(), z.union([z.string(), z.number()])).default({}),
  })
  .prefault({});
