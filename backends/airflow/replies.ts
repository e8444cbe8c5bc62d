/**
 * What is read of Airflow's replies, and nothing more, so that a new member breaks nobody.
 * https://airflow.apache.org/docs/apache-airflow/stable/stable-rest-api-ref.html
 */
import { z } from 'zod';

const at = z.string().min(1);
const conf = z.record(z.string(), z.unknown());

export const runSchema = z.object({
  dag_id: z.string(),
  dag_run_id: z.string(),
  state: z.enum(['queued', 'running', 'success', 'failed']),
  queued_at: at.nullable(),
  start_date: at.nullable(),
  end_date: at.nullable(),
  logical_date: at.nullable(),
  run_after: at,
  conf: conf.nullable(),
  note: z.string().nullable(),
});
export type DagRun = z.output<typeof runSchema>;
export const runsSchema = z.object({
  dag_runs: z.array(runSchema),
  total_entries: z.int().nullable(),
});

export const taskInstanceSchema = z.object({
  task_id: z.string(),
  map_index: z.int(),
  /** null until the scheduler has looked at it; new states may come with a new Airflow. */
  state: z.string().nullable(),
  try_number: z.int(),
  start_date: at.nullable(),
  end_date: at.nullable(),
});
export type TaskInstance = z.output<typeof taskInstanceSchema>;
export const taskInstancesSchema = z.object({
  task_instances: z.array(taskInstanceSchema),
  total_entries: z.int(),
});

export const dagSchema = z.object({
  dag_id: z.string(),
  is_paused: z.boolean(),
  is_stale: z.boolean(),
  has_import_errors: z.boolean(),
  fileloc: z.string(),
  relative_fileloc: z.string().nullable(),
  file_token: z.string(),
});
export type Dag = z.output<typeof dagSchema>;

export const dagSourceSchema = z.object({
  content: z.string().nullable(),
  version_number: z.int().nullable(),
});

export const importErrorsSchema = z.object({
  import_errors: z.array(
    z.object({
      import_error_id: z.int(),
      timestamp: at,
      filename: z.string(),
      stack_trace: z.string(),
    }),
  ),
});

export const deadlinesSchema = z.object({
  deadlines: z.array(
    z.object({
      deadline_time: at,
      missed: z.boolean(),
      alert_name: z.string().nullable(),
    }),
  ),
});

export const poolSchema = z.object({
  name: z.string(),
  slots: z.int(),
  occupied_slots: z.int(),
});
export const poolsSchema = z.object({ pools: z.array(poolSchema), total_entries: z.int() });

const assetSchema = z.object({
  id: z.int(),
  name: z.string(),
  uri: z.string(),
  producing_tasks: z.array(z.object({ dag_id: z.string(), task_id: z.string() })),
});
export type AssetReply = z.output<typeof assetSchema>;
export const assetsSchema = z.object({ assets: z.array(assetSchema), total_entries: z.int() });
export const assetEventSchema = z.object({
  id: z.int(),
  uri: z.string().nullable(),
  timestamp: at,
  extra: z.record(z.string(), z.unknown()).nullable(),
  source_task_id: z.string().nullable(),
});
export type AssetEventReply = z.output<typeof assetEventSchema>;
export const assetEventsSchema = z.object({ asset_events: z.array(assetEventSchema) });

export const backfillSchema = z.object({
  id: z.int(),
  dag_id: z.string(),
  from_date: at,
  to_date: at,
  dag_run_conf: conf.nullable(),
  is_paused: z.boolean(),
  reprocess_behavior: z.string(),
  max_active_runs: z.int(),
  completed_at: at.nullable(),
});
export type BackfillReply = z.output<typeof backfillSchema>;
export const backfillsSchema = z.object({
  backfills: z.array(backfillSchema),
  total_entries: z.int(),
});
export const plannedRunsSchema = z.object({
  backfills: z.array(z.object({ logical_date: at.nullable() })),
});

const component = z.object({ status: z.string().nullable() });
export const healthSchema = z.object({
  metadatabase: component,
  scheduler: component.extend({ latest_scheduler_heartbeat: at.nullable() }),
  dag_processor: component.extend({ latest_dag_processor_heartbeat: at.nullable() }).nullish(),
  triggerer: component.nullish(),
});
export const versionSchema = z.object({ version: z.string() });
