import { executeChild, workflowInfo } from '@temporalio/workflow';
import { lifecycleId } from '../core/ids.ts';
import type { LifecycleRequest } from '../core/lifecycle/request.ts';
import { TASK_QUEUES } from '../core/messages.ts';
import { retrainVersion } from '../core/release/retrain.ts';
import type { RetrainRequest, RetrainResult } from '../core/release/retrain.ts';
import { control } from './options.ts';
import { runLifecycle } from './run-lifecycle.ts';
import { identityAttributes } from './search-attributes.ts';

/** What a schedule starts: a lifecycle under a version of its own, waited for, so that overlap is seen. */
export async function retrainModel(input: RetrainRequest): Promise<RetrainResult> {
  const { workflowId, runId, startTime } = workflowInfo();
  const { lifecycle } = (await control.admit({
    workflow: 'retrainModel',
    workflowId,
    request: input,
  })) as RetrainRequest;
  const request: LifecycleRequest = {
    ...lifecycle,
    version: retrainVersion(startTime.toISOString(), runId),
  };
  const id = lifecycleId(request);
  const { outcome } = await executeChild(runLifecycle, {
    workflowId: id,
    taskQueue: TASK_QUEUES.orchestrate,
    args: [request],
    typedSearchAttributes: identityAttributes(request),
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    parentClosePolicy: 'REQUEST_CANCEL',
  });
  return { lifecycleId: id, outcome };
}
