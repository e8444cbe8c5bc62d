import type { ErrorCode } from '../../../core/errors.ts';
import type { Condition } from '../../connections/kubernetes/objects.ts';
import type { Deployment, InferenceServiceStatus, ModelStatus } from './objects.ts';

/** Whether a version can answer requests, and why not. */
export interface Health {
  readonly phase: 'starting' | 'ready' | 'failed';
  readonly reason: string;
  /** Why it failed, in a code of the catalogue; null while it has not. */
  readonly code: ErrorCode | null;
}

export const starting = (reason: string): Health => ({ phase: 'starting', reason, code: null });
export const ready = (reason: string): Health => ({ phase: 'ready', reason, code: null });

/** `status.modelStatus.lastFailureInfo.reason`; kserve v0.17.0 inference_service_status.go, FailureReason. */
const FAILURE_CODES: Readonly<Record<string, ErrorCode>> = {
  ModelLoadFailed: 'MODEL_INVALID',
  NoSupportingRuntime: 'SPEC_REJECTED',
  RuntimeNotRecognized: 'SPEC_REJECTED',
  RuntimeDisabled: 'SPEC_REJECTED',
  InvalidPredictorSpec: 'SPEC_REJECTED',
};

/**
 * What KServe says about the model itself. `lastFailureInfo` outlives its cause, so it counts only
 * while the transition is blocked by it.
 */
export function modelFailure(status: ModelStatus | undefined): Health | null {
  const { transitionStatus, lastFailureInfo } = status ?? {};
  if (transitionStatus !== 'BlockedByFailedLoad' && transitionStatus !== 'InvalidSpec') return null;
  const { reason = transitionStatus, message = 'without a message' } = lastFailureInfo ?? {};
  return {
    phase: 'failed',
    reason: `${reason}: ${message}`,
    code: FAILURE_CODES[reason] ?? 'DEPLOY_FAILED',
  };
}

/**
 * The health of a version in Standard mode, by its own Deployment.
 *
 * The InferenceService's `Ready` is no source: it stays True while the Deployment is still progressing
 * (kserve/kserve#4626), may turn Unknown while servers answer (#5443), and `observedGeneration` is
 * copied from the Deployment, so comparing it with the InferenceService's own generation says nothing.
 */
export function deploymentHealth(
  deployment: Deployment | null,
  told: Pick<InferenceServiceStatus, 'conditions' | 'modelStatus'> | undefined,
): Health {
  const failure = modelFailure(told?.modelStatus);
  const serves = (deployment?.status?.availableReplicas ?? 0) > 0;
  // A server that answers has loaded the model, whatever an older attempt left in the status.
  if (failure !== null && !serves) return failure;
  if (deployment === null) {
    // Such as ReconcileFailed: KServe tries again, so this is no end yet.
    const trouble = told?.conditions?.find(({ type }) => type === 'PredictorReady')?.message;
    return starting(trouble ?? 'KServe has not made its Deployment yet');
  }
  const { metadata, spec, status } = deployment;
  const wanted = spec.replicas ?? 1;
  const { updatedReplicas = 0, availableReplicas = 0, replicas = 0 } = status ?? {};
  const deadline = status?.conditions?.find(
    ({ type, status: state }) => type === 'Progressing' && state === 'False',
  );
  const refused = status?.conditions?.find(
    ({ type, status: state }) => type === 'ReplicaFailure' && state === 'True',
  );
  if (refused !== undefined) return failed(refused);
  if (deadline !== undefined && availableReplicas < wanted) return failed(deadline);
  if ((status?.observedGeneration ?? 0) < (metadata.generation ?? 0)) {
    return starting('the Deployment was changed and has not been looked at yet');
  }
  if (updatedReplicas < wanted || replicas > updatedReplicas || availableReplicas < wanted) {
    return starting(
      `the Deployment progresses: ${availableReplicas} of ${wanted} servers available, ${updatedReplicas} up to date`,
    );
  }
  return ready(`${availableReplicas} of ${wanted} servers available`);
}

function failed({ reason = '', message = '' }: Condition): Health {
  const code = /exceeded quota/i.test(message) ? 'QUOTA_EXCEEDED' : 'DEPLOY_FAILED';
  return { phase: 'failed', reason: `${reason}: ${message}`, code };
}

/**
 * The health of the newest revision in Knative mode. `Ready` and `PredictorReady` turn Unknown for about 30 s in a
 * normal update while everything serves (kserve/kserve#5443): that is `starting` only for a revision
 * that has never been ready, which is what `latestReadyRevision` says.
 *
 * @param isNewest whether `latestReadyRevision` is the revision that was asked about
 */
export function revisionHealth(
  status: InferenceServiceStatus | undefined,
  isNewest: boolean,
): Health {
  if (isNewest) return ready('the revision is ready');
  const failure = modelFailure(status?.modelStatus);
  if (failure !== null) return failure;
  const condition = status?.conditions?.find(({ type }) => type === 'PredictorReady');
  if (condition?.status === 'False' && condition.reason === 'RevisionFailed') {
    return failed(condition);
  }
  return starting(condition?.message ?? 'the revision is not ready yet');
}
