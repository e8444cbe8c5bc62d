import { allHandlersFinished, condition, workflowInfo } from '@temporalio/workflow';
import type { LifecycleRequest } from '../core/lifecycle/request.ts';
import type { LifecycleResult, Outcome } from '../core/lifecycle/state.ts';
import { failure, isCancellation, rootOf } from './failures.ts';
import {
  approved,
  checkedData,
  evaluated,
  Rejection,
  released,
  signed,
  trained,
} from './lifecycle-steps.ts';
import { Life } from './life.ts';
import { control } from './options.ts';
import { ensureIdentity } from './search-attributes.ts';

/**
 * The whole life of one version: check the data, train, judge the exported file, sign it, have it
 * approved, release it region by region. A version that is rejected or rolled back is an outcome,
 * not a failure: its id stays used. A failed run may be started again under the same id.
 */
export async function runLifecycle(input: LifecycleRequest): Promise<LifecycleResult> {
  const life = new Life(input);
  let digests = { modelSha256: null as string | null, reportSha256: null as string | null };
  try {
    const request = await admitted(life, input);
    const data = await checkedData(life, request);
    const training = await trained(life, request, data);
    const evaluation = await evaluated(life, request, training);
    digests = { modelSha256: training.model.sha256, reportSha256: evaluation.reportRef.sha256 };
    await signed(life, request, data, training, evaluation);
    await approved(life, request, training, evaluation);
    return await ended(life, await released(life, request), digests);
  } catch (error) {
    if (error instanceof Rejection) return ended(life, 'rejected', digests);
    const { code, message } = rootOf(error);
    await closing(life, isCancellation(error) ? 'cancelled' : 'failed', message);
    throw isCancellation(error) ? error : failure(code, message);
  }
}

async function admitted(life: Life, input: LifecycleRequest): Promise<LifecycleRequest> {
  const { workflowId } = workflowInfo();
  const request = (await control.admit({
    workflow: 'runLifecycle',
    workflowId,
    request: input,
  })) as LifecycleRequest;
  ensureIdentity(request);
  life.admitted(request);
  life.pass('admit', 'the request fits its schema and every backend has what it needs');
  return request;
}

async function ended(
  life: Life,
  outcome: Outcome,
  digests: Pick<LifecycleResult, 'modelSha256' | 'reportSha256'>,
): Promise<LifecycleResult> {
  await life.enter('done', life.state.reason);
  await closing(life, outcome, life.state.reason);
  const { reason, rollouts, cost } = life.state;
  return { outcome, reason, ...digests, rollouts, cost };
}

/** No message may be left half-handled when the run closes. */
async function closing(life: Life, outcome: Outcome, reason: string): Promise<void> {
  life.show({ outcome, reason });
  await condition(allHandlersFinished);
}
