import type { Client, WorkflowHandle } from '@temporalio/client';
import { WorkflowFailedError } from '@temporalio/client';
import type { ApprovalWanted } from '../../core/evidence/approval.ts';
import { lifecycleId } from '../../core/ids.ts';
import type { LifecycleRequest } from '../../core/lifecycle/request.ts';
import type { LifecycleResult, LifecycleState } from '../../core/lifecycle/state.ts';
import { QUERIES, TASK_QUEUES, UPDATES } from '../../core/messages.ts';
import { signApproval } from '../../kernels/evidence/approval.ts';
import { parseLifecycleRequest } from '../../schemas/lifecycle.ts';
import { until } from '../support/until.ts';
import { smallRequest } from './small-request.ts';

/** Longer than a life takes with kills all around it on a slow machine. */
const LIFE_MS_MAX = 300_000;

export interface Life {
  readonly handle: WorkflowHandle;
  readonly end: Promise<LifecycleResult>;
}

/** A life against the sim that is quick in real time and climbs in three steps. */
export function quickRequest(model: string, version: string): LifecycleRequest {
  return parseLifecycleRequest(
    smallRequest(model, version, {
      release: {
        regions: ['eu'],
        stepsPercent: [10, 50, 100],
        judge: { requestsMin: 20, secondsMin: 2, latencyMsMax: 6000 },
        bakeSeconds: 3,
        tickSeconds: 1,
      },
    }),
  );
}

/** Starts a life and answers its question, through every crash, until it has ended. */
export async function startLife(
  client: Client,
  request: LifecycleRequest,
  approverKey: string,
): Promise<Life> {
  const handle = await client.workflow.start('runLifecycle', {
    workflowId: lifecycleId(request),
    taskQueue: TASK_QUEUES.orchestrate,
    args: [request],
  });
  return { handle, end: ended(handle, approverKey) };
}

async function ended(handle: WorkflowHandle, approverKey: string): Promise<LifecycleResult> {
  await until(`${handle.workflowId} is approved`, () => approved(handle, approverKey), LIFE_MS_MAX);
  return until(`${handle.workflowId} ends`, () => resultOf(handle), LIFE_MS_MAX);
}

/** True once it is approved or has ended otherwise; null to be asked again. */
async function approved(handle: WorkflowHandle, approverKey: string): Promise<true | null> {
  try {
    const state = await handle.query<LifecycleState>(QUERIES.status);
    if (state.outcome !== null) return true;
    if (state.approval === null) return null;
    await handle.executeUpdate(UPDATES.approve, {
      args: [signedBy(approverKey, state.approval)],
      updateId: `approve-${state.approval.nonce}`,
    });
    return true;
  } catch {
    // A killed worker or server: whether the Update got through shows when it is sent again.
    return null;
  }
}

function signedBy(key: string, wanted: ApprovalWanted) {
  const { workflowId, modelSha256, reportSha256, nonce } = wanted;
  return signApproval(key, {
    workflowId,
    modelSha256,
    reportSha256,
    nonce,
    decision: 'approve',
    reason: 'the test approves',
  });
}

async function resultOf(handle: WorkflowHandle): Promise<LifecycleResult | null> {
  const { status } = await handle.describe().catch(() => ({ status: { name: 'RUNNING' } }));
  if (status.name === 'RUNNING') return null;
  try {
    return (await handle.result()) as LifecycleResult;
  } catch (error) {
    if (error instanceof WorkflowFailedError) throw error;
    return null;
  }
}
