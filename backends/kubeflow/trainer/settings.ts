import { z } from 'zod';

/** A training runtime and how many nodes of it one job gets. */
const runtime = z.strictObject({
  name: z.string().min(1).max(253),
  kind: z.enum(['ClusterTrainingRuntime', 'TrainingRuntime']).default('ClusterTrainingRuntime'),
  /** Pods that run the program at once, 1–1,000. `resources` of a job are those of each. */
  nodes: z.int().min(1).max(1000).default(1),
});

/** What stands in the place of a word that begins a command. */
const program = z.strictObject({
  /** The runtime's own when absent. */
  image: z.string().min(1).max(500).optional(),
  command: z.array(z.string().min(1)).min(1),
});

/** Kubeflow Trainer: which runtimes run our jobs, and where their outputs lie. */
export const trainerSettings = z.strictObject({
  /** Kind of job → its runtime; a kind that is not named is refused. */
  runtimes: z.strictObject({
    prepare: runtime.optional(),
    train: runtime.optional(),
    score: runtime.optional(),
  }),
  /** First word of a job's command, when it has no slash → what stands in its place. */
  programs: z.record(z.string().min(1), program).default({}),
  /** Prefix for outputs and checkpoints, such as `s3://bucket/orrery`; programs write there themselves. */
  outputUri: z
    .string()
    .regex(/^[a-z][a-z0-9+.-]*:\/\/.+[^/]$/, 'wanted scheme://… without a slash at the end'),
  /**
   * What is run in each container of a job to ask for a checkpoint, through `pods/exec`; null where
   * that is not allowed, and `requestCheckpoint` is then OPERATION_UNSUPPORTED.
   */
  checkpointCommand: z
    .array(z.string().min(1))
    .min(1)
    .nullable()
    .default(['/bin/sh', '-c', 'kill -USR1 1']),
});

export type TrainerSettings = z.infer<typeof trainerSettings>;

/** What an operator says that capacity costs; Kubernetes has no prices. */
export const priceBook = z.strictObject({
  /** US dollars for one CPU for an hour. */
  usdPerCpuHour: z.number().min(0),
  /** US dollars for one GiB of memory for an hour. */
  usdPerGibHour: z.number().min(0),
  /** ISO 8601 date on which this was true. */
  asOf: z.iso.date(),
  /** Who says so. */
  source: z.string().min(1),
});

export type PriceBook = z.infer<typeof priceBook>;
