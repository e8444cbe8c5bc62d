import { z } from 'zod';

/**
 * The members of KFP's v2beta1 messages that we read; others are let through unread. Names and
 * types are those of backend/api/v2beta1/{run,recurring_run,pipeline,experiment}.proto. 64-bit numbers come as
 * strings, and a time that is not set comes as 1970.
 */
const status = z.object({ message: z.string().default('') });
const time = z.string().default('');

/** Every state that `RuntimeState` of run.proto names; another one is a malformed reply. */
export const runState = z.enum([
  'RUNTIME_STATE_UNSPECIFIED',
  'PENDING',
  'RUNNING',
  'SUCCEEDED',
  'SKIPPED',
  'FAILED',
  'CANCELING',
  'CANCELED',
  'PAUSED',
]);
export type RunState = z.infer<typeof runState>;

const artifacts = z
  .record(z.string(), z.object({ artifact_ids: z.array(z.string()).default([]) }))
  .default({});

export const taskReply = z.object({
  display_name: z.string().default(''),
  task_id: z.string().default(''),
  parent_task_id: z.string().default(''),
  state: runState.default('RUNTIME_STATE_UNSPECIFIED'),
  error: status.optional(),
  inputs: artifacts,
  outputs: artifacts,
});
export type KfpTask = z.infer<typeof taskReply>;

export const runReply = z.object({
  run_id: z.string().min(1),
  display_name: z.string().default(''),
  description: z.string().default(''),
  recurring_run_id: z.string().default(''),
  pipeline_version_reference: z
    .object({ pipeline_id: z.string().default(''), pipeline_version_id: z.string().default('') })
    .optional(),
  pipeline_spec: z.unknown().optional(),
  created_at: time,
  finished_at: time,
  state: runState.default('RUNTIME_STATE_UNSPECIFIED'),
  error: status.optional(),
  state_history: z
    .array(z.object({ state: runState.default('RUNTIME_STATE_UNSPECIFIED'), update_time: time }))
    .default([]),
  run_details: z.object({ task_details: z.array(taskReply).default([]) }).optional(),
});
export type KfpRun = z.infer<typeof runReply>;

export const recurringRunReply = z.object({
  recurring_run_id: z.string().min(1),
  display_name: z.string().default(''),
  description: z.string().default(''),
  created_at: time,
});
export type KfpRecurringRun = z.infer<typeof recurringRunReply>;

export const pipelineReply = z.object({
  pipeline_id: z.string().min(1),
  name: z.string().default(''),
  display_name: z.string().default(''),
  description: z.string().default(''),
});
export type KfpPipeline = z.infer<typeof pipelineReply>;

export const versionReply = z.object({
  pipeline_id: z.string().default(''),
  pipeline_version_id: z.string().min(1),
  name: z.string().default(''),
  display_name: z.string().default(''),
  description: z.string().default(''),
  created_at: time,
  pipeline_spec: z.unknown().optional(),
});
export type KfpVersion = z.infer<typeof versionReply>;

export const experimentReply = z.object({
  experiment_id: z.string().min(1),
  display_name: z.string().default(''),
  description: z.string().default(''),
  created_at: time,
});
export type KfpExperiment = z.infer<typeof experimentReply>;

export const nothing = z.unknown();
const page = { next_page_token: z.string().default('') };
export const pages = {
  runs: z.object({ runs: z.array(runReply).default([]), ...page }),
  recurringRuns: z.object({ recurringRuns: z.array(recurringRunReply).default([]), ...page }),
  pipelines: z.object({ pipelines: z.array(pipelineReply).default([]), ...page }),
  pipeline_versions: z.object({ pipeline_versions: z.array(versionReply).default([]), ...page }),
  experiments: z.object({ experiments: z.array(experimentReply).default([]), ...page }),
} as const;
