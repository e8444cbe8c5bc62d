import type { Client } from '@temporalio/client';
import type { OrreryError } from '../../core/errors.ts';
import { lifecycleId, rolloutId } from '../../core/ids.ts';
import type { LifecycleId } from '../../core/ids.ts';
import { lifecycleCard, rolloutCard } from '../../core/lifecycle/card.ts';
import type { LifecycleResult, LifecycleState } from '../../core/lifecycle/state.ts';
import { QUERIES } from '../../core/messages.ts';
import type { RolloutState } from '../../core/rollout/request.ts';
import { askEngine, STATUS_MS_MAX } from '../engine-errors.ts';
import { summaryOf } from './list-lifecycles.ts';
import type { LifecycleSummary } from './list-lifecycles.ts';
import { endingOf, pendingOf } from './run-view.ts';
import type { PendingActivity } from './run-view.ts';

export interface LifecycleView extends LifecycleSummary {
  /** Null when no worker answers the query; `stateProblem` says why. */
  readonly state: LifecycleState | null;
  readonly stateProblem: string | null;
  /** Markdown, the same that the Temporal UI shows. */
  readonly card: string | null;
  /** Of the run and of its children. */
  readonly pending: readonly PendingActivity[];
  readonly rollout: {
    readonly workflowId: string;
    readonly state: RolloutState;
    readonly card: string;
  } | null;
  /** Of a run that ended without a failure. */
  readonly result: LifecycleResult | null;
  /** `CODE: message` of a run that failed, `STATUS: message` of one that was ended otherwise. */
  readonly failure: string | null;
}

/** @throws OrreryError NOT_FOUND, ENGINE_UNREACHABLE */
export async function showLifecycle(client: Client, id: LifecycleId): Promise<LifecycleView> {
  const workflowId = lifecycleId(id);
  return askEngine(client, `show ${workflowId}`, async () => {
    const handle = client.workflow.getHandle(workflowId);
    const description = await handle.describe();
    const running = description.status.name === 'RUNNING';
    const [{ state, stateProblem }, pending, ending] = await Promise.all([
      readState(client, workflowId),
      running ? pendingOf(client, description) : [],
      running ? { result: null, failure: null } : endingOf<LifecycleResult>(client, description),
    ]);
    const rollout = running && state?.region ? await readRollout(client, id, state.region) : null;
    return {
      ...summaryOf(description),
      state,
      stateProblem,
      card: state === null ? null : lifecycleCard(state),
      pending,
      rollout,
      ...ending,
    };
  });
}

async function readState(client: Client, workflowId: string) {
  try {
    const state = await askEngine(
      client,
      `ask ${workflowId} for its status`,
      () => client.workflow.getHandle(workflowId).query<LifecycleState>(QUERIES.status),
      STATUS_MS_MAX,
    );
    return { state, stateProblem: null };
  } catch (error) {
    return { state: null, stateProblem: (error as OrreryError).message };
  }
}

async function readRollout(client: Client, { model, version }: LifecycleId, region: string) {
  const workflowId = rolloutId({ model, version, region });
  try {
    const state = await client.workflow.getHandle(workflowId).query<RolloutState>(QUERIES.status);
    return { workflowId, state, card: rolloutCard(model, version, state) };
  } catch {
    // Between two regions there is no rollout to ask; the lifecycle's own state says where it is.
    return null;
  }
}
