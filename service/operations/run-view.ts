import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import { QUERIES } from '../../core/messages.ts';
import { askEngine, engineError, STATUS_MS_MAX } from '../engine-errors.ts';
import { failureText, payloadJson, timestampIso } from './payloads.ts';

/** An activity that runs or waits for its next attempt, with the progress of its last heartbeat. */
export interface PendingActivity {
  readonly workflowId: string;
  readonly activity: string;
  readonly attempt: number;
  /** ISO 8601 */
  readonly startedAt: string | null;
  readonly heartbeatAt: string | null;
  readonly progress: unknown;
  readonly failure: string | null;
}

/** Any run, as far as all of them can be shown alike. */
export interface RunView {
  readonly workflowId: string;
  /** Temporal’s status, such as `RUNNING`. */
  readonly status: string;
  /** What its `status` query answers; null where it has none, or while no worker answers. */
  readonly state: unknown;
  readonly pending: readonly PendingActivity[];
  readonly result: unknown;
  /** `CODE: message` of a run that failed, `STATUS: message` of one that was ended otherwise. */
  readonly failure: string | null;
}

/** @throws OrreryError NOT_FOUND, ENGINE_UNREACHABLE */
export async function showRun(client: Client, workflowId: string): Promise<RunView> {
  return askEngine(client, `show ${workflowId}`, async () => {
    const handle = client.workflow.getHandle(workflowId);
    const description = await handle.describe();
    const running = description.status.name === 'RUNNING';
    const [state, pending, ending] = await Promise.all([
      running ? statusOf(client, workflowId) : null,
      running ? pendingOf(client, description) : [],
      running ? { result: null, failure: null } : endingOf<unknown>(client, description),
    ]);
    return { workflowId, status: description.status.name, state, pending, ...ending };
  });
}

async function statusOf(client: Client, workflowId: string): Promise<unknown> {
  try {
    return await askEngine(
      client,
      `ask ${workflowId} for its status`,
      () => client.workflow.getHandle(workflowId).query<unknown>(QUERIES.status),
      STATUS_MS_MAX,
    );
  } catch {
    // A run without the query, or without a worker just now, still has its pending activities.
    return null;
  }
}

/** Children whose pending activities are read; a lifecycle has one training and one rollout at a time. */
const CHILDREN_MAX = 8;

/** What runs now, of the run and of its children. */
export async function pendingOf(
  client: Client,
  { raw, workflowId }: WorkflowExecutionDescription,
): Promise<PendingActivity[]> {
  const children = (raw.pendingChildren ?? []).slice(0, CHILDREN_MAX);
  const ofChildren = await Promise.all(
    children.map(async (child) => {
      if (!child.workflowId) return [];
      try {
        return activitiesOf(await client.workflow.getHandle(child.workflowId).describe());
      } catch {
        // A child that ended in between has no pending activities.
        return [];
      }
    }),
  );
  return [...activitiesOf({ raw, workflowId }), ...ofChildren.flat()];
}

function activitiesOf({
  raw,
  workflowId,
}: Pick<WorkflowExecutionDescription, 'raw' | 'workflowId'>): PendingActivity[] {
  return (raw.pendingActivities ?? []).map((activity) => ({
    workflowId,
    activity: activity.activityType?.name ?? '',
    attempt: activity.attempt ?? 1,
    startedAt: timestampIso(activity.lastStartedTime),
    heartbeatAt: timestampIso(activity.lastHeartbeatTime),
    progress: payloadJson(activity.heartbeatDetails?.payloads?.[0]),
    failure: failureText(activity.lastFailure),
  }));
}

/** The result of a run that is over, or why it failed. */
export async function endingOf<Result>(
  client: Client,
  { workflowId, status }: Pick<WorkflowExecutionDescription, 'workflowId' | 'status'>,
) {
  try {
    const result = (await client.workflow.getHandle(workflowId).result()) as Result;
    return { result, failure: null };
  } catch (error) {
    const { code, message } = engineError(error, `finish ${workflowId}`);
    // A run that was cancelled, terminated or timed out has no code of its own.
    const failure = status.name === 'FAILED' ? `${code}: ${message}` : `${status.name}: ${message}`;
    return { result: null, failure };
  }
}
