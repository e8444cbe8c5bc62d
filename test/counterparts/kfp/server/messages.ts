/** Rows as the messages of KFP's API; see toApiRun and its neighbours in api_converter.go. */
import {
  timeOf,
  type ExperimentRow,
  type PipelineRow,
  type RecurringRunRow,
  type RunRow,
  type VersionRow,
} from './rows.ts';
import { taskDetails } from './workflows.ts';
import type { KfpWorld } from './world.ts';

export function runMessage(run: RunRow, world: KfpWorld) {
  const workflow = world.workflows.get(run.workflow);
  const tasks = workflow === undefined ? [] : taskDetails(workflow, run.state, run.id);
  return {
    run_id: run.id,
    display_name: run.name,
    description: run.description,
    experiment_id: run.experimentId,
    recurring_run_id: run.recurringRunId,
    pipeline_version_reference: {
      pipeline_id: run.pipelineId,
      pipeline_version_id: run.versionId,
    },
    runtime_config: { parameters: run.parameters },
    storage_state: 'AVAILABLE',
    state: run.state,
    state_history: run.history.map(({ state, at }) => ({ state, update_time: timeOf(at) })),
    created_at: timeOf(run.createdAt),
    scheduled_at: timeOf(run.createdAt),
    finished_at: timeOf(run.finishedAt),
    ...(tasks.length === 0 || run.state === 'PENDING'
      ? {}
      : { run_details: { task_details: tasks } }),
  };
}

export function recurringRunMessage(row: RecurringRunRow) {
  return {
    recurring_run_id: row.id,
    display_name: row.name,
    description: row.description,
    pipeline_version_reference: {
      pipeline_id: row.pipelineId,
      ...(row.versionId === '' ? {} : { pipeline_version_id: row.versionId }),
    },
    runtime_config: { parameters: row.parameters },
    trigger: row.trigger,
    max_concurrency: row.maxConcurrency,
    no_catchup: row.noCatchup,
    status: row.enabled ? 'ENABLED' : 'DISABLED',
    experiment_id: row.experimentId,
    created_at: timeOf(row.createdAt),
    updated_at: timeOf(row.createdAt),
  };
}

export function pipelineMessage(row: PipelineRow) {
  return {
    pipeline_id: row.id,
    name: row.name,
    display_name: row.name,
    description: row.description,
    created_at: timeOf(row.createdAt),
  };
}

export function versionMessage(row: VersionRow) {
  return {
    pipeline_id: row.pipelineId,
    pipeline_version_id: row.id,
    name: row.name,
    display_name: row.name,
    description: row.description,
    created_at: timeOf(row.createdAt),
    pipeline_spec: row.spec,
  };
}

export function experimentMessage(row: ExperimentRow) {
  return {
    experiment_id: row.id,
    display_name: row.name,
    description: row.description,
    namespace: row.namespace,
    storage_state: 'AVAILABLE',
    created_at: timeOf(row.createdAt),
    last_run_created_at: timeOf(0),
  };
}
