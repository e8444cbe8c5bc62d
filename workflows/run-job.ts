import { workflowInfo } from '@temporalio/workflow';
import type { BackendChoice } from '../core/backend.ts';
import { backendFor, backendsForStep } from '../core/backend.ts';
import type { JobHandle, JobReading, JobSpec } from '../core/ports/compute.ts';
import type { PriceQuote } from '../core/ports/prices.ts';
import { attemptEnd } from '../core/training/attempts.ts';
import type { JobPolicy, JobWatch } from '../core/training/attempts.ts';
import { checkpointScope, jobIntent } from '../core/training/job-key.ts';
import type { CapacityUse, JobSummary } from '../core/training/request.ts';
import { isCancellation, refusalOf } from './failures.ts';
import type { Refusal } from './failures.ts';
import { walkBackends } from './fallback.ts';
import type { Attempted, Walked } from './fallback.ts';
import { briefControl, control, slowControl, watch } from './options.ts';
import { attemptRemotely, ended } from './remote-attempt.ts';

export interface JobRequest {
  readonly step: string;
  readonly backends: BackendChoice;
  /** Instead of those that `backends` names for the kind of the job. */
  readonly on?: readonly string[];
  readonly policy: JobPolicy;
  readonly checkpoints: boolean;
  readonly spec: Omit<JobSpec, 'checkpointScope' | 'labels'>;
  readonly model: string;
  readonly version: string;
  /**
   * Backend → what is held there; a backend that is in it has its price already. For callers that
   * want to know what was held when the job fails.
   */
  readonly uses?: Map<string, CapacityUse>;
  /**
   * Watches in place of `superviseJob`, at most for so many seconds; what it returns is judged the
   * same, but a running job that has run for `enough` is stopped without being a failure.
   */
  readonly follow?: (backend: string, handle: JobHandle, seconds: number) => Promise<Followed>;
}

export interface Followed extends JobWatch {
  /** Why a running job has run for long enough. */
  readonly enough?: string;
}

interface JobEnding {
  readonly reading: JobReading;
  /** Why it was stopped without being a failure; null for a job that has succeeded. */
  readonly stoppedFor: string | null;
}
export interface JobEnd extends JobEnding {
  readonly outputs: JobReading['outputs'];
  readonly summary: JobSummary;
}

/** Margin over the job's own limit, so that its backend ends it before Temporal ends the watch. */
const WATCH_MARGIN_SECONDS = 300;

/** What an attempt needs to know of its step. */
interface Step {
  readonly request: JobRequest;
  readonly backends: readonly string[];
  readonly spec: JobSpec;
  /** Backend → what was held there so far. */
  readonly uses: Map<string, CapacityUse>;
}

/**
 * Submits a job and watches it, attempt after attempt and backend after backend, until it succeeds
 * or may not be tried again. However this ends, no job of it runs on.
 */
export async function runJob(request: JobRequest): Promise<JobEnd> {
  const backends = request.on ?? backendsForStep(request.backends, request.spec.kind);
  const step: Step = { request, backends, spec: specOf(request), uses: request.uses ?? new Map() };
  const walked = await walkBackends({
    step: request.step,
    backends,
    attemptsMax: request.policy.attemptsMax,
    attempt: (backend, ordinal) => tryOn(step, backend, ordinal),
  });
  const { reading, stoppedFor } = walked.end;
  return { reading, stoppedFor, outputs: reading.outputs, summary: summaryOf(step, walked) };
}

async function tryOn(step: Step, backend: string, ordinal: number): Promise<Attempted<JobEnding>> {
  const { request, uses } = step;
  if (!uses.has(backend)) {
    try {
      uses.set(backend, { backend, billableSeconds: 0, price: await priceOn(request, backend) });
    } catch (error) {
      if (isCancellation(error)) throw error;
      const { code, message } = refusalOf(error);
      return { setback: { code, reason: message } };
    }
  }
  const intent = jobIntent({ ...identity(), step: request.step, attempt: ordinal }, step.spec);
  const starts = step.backends.length > 1 ? briefControl : control;
  const unread: JobHandle = { key: intent.key, remoteId: intent.key };
  const result = await attemptRemotely({
    step: request.step,
    where: `job ${intent.key} on ${backend}`,
    start: async () => (await starts.startJob({ backend, intent })).handle,
    follow: (handle) => followed(step, backend, handle),
    stopsByKey: true,
    stop: (handle) => slowControl.stopJob({ backend, handle: handle ?? unread }),
  });
  const ending = 'value' in result ? result.value : { reading: result.stopped, stoppedFor: null };
  if (ending.reading !== null) hold(step, backend, ending.reading);
  return attemptedBy(request, ending, 'refused' in result ? result.refused : null);
}

function attemptedBy(
  { policy }: JobRequest,
  { reading, stoppedFor }: { reading: JobReading | null; stoppedFor: string | null },
  refused: Refusal | null,
): Attempted<JobEnding> {
  // A job whose start seemed to fail may have come to its end meanwhile.
  const end = reading === null ? null : attemptEnd({ reading, stalled: false }, policy);
  if (reading !== null && (end?.kind === 'done' || stoppedFor !== null))
    return { end: { reading, stoppedFor } };
  if (refused !== null) return { setback: { code: refused.code, reason: refused.message } };
  const code = end?.kind === 'setback' ? end.code : 'JOB_UNSETTLED';
  const { reason = '', logUri = '' } = reading ?? {};
  return { setback: { code, reason, logUri } };
}

/** Follows a job to its end, and stops one that is stalled or that has run for long enough. */
async function followed(
  { request, spec }: Step,
  backend: string,
  handle: JobHandle,
): Promise<JobEnding> {
  const { policy, follow } = request;
  const seconds = spec.timeoutSeconds + spec.graceSeconds + WATCH_MARGIN_SECONDS;
  const watched: Followed = await (follow === undefined
    ? watch(policy.heartbeatTimeoutSeconds, seconds).superviseJob({ backend, handle, policy })
    : follow(backend, handle, seconds));
  const end = attemptEnd(watched, policy);
  if (end.kind !== 'stop') return { reading: watched.reading, stoppedFor: null };
  const reading = ended(await slowControl.stopJob({ backend, handle }));
  const { enough } = watched;
  // One that succeeded while it was being stopped has succeeded.
  if (enough !== undefined && reading.phase !== 'succeeded') return { reading, stoppedFor: enough };
  const reason = reading.phase === 'succeeded' ? reading.reason : (enough ?? end.reason);
  return { reading: { ...reading, reason }, stoppedFor: null };
}

function hold({ uses }: Step, backend: string, { billableSeconds }: JobReading): void {
  const use = uses.get(backend);
  if (use !== undefined)
    uses.set(backend, { ...use, billableSeconds: use.billableSeconds + billableSeconds });
}

/** By the backend's own price book; where it has none, by that of the `prices` backend. */
async function priceOn({ backends, spec }: JobRequest, backend: string): Promise<PriceQuote> {
  const otherwise = backendFor(backends, 'prices');
  return control.quotePrice({
    backend,
    ...(backend === otherwise ? {} : { otherwise }),
    resources: spec.resources,
  });
}

function summaryOf(
  { request, backends, uses }: Step,
  { backend, attempts, setbacks }: Walked<JobEnding>,
): JobSummary {
  const use = uses.get(backend) as CapacityUse;
  const before = [...uses.values()].filter(
    (other) => other.backend !== backend && other.billableSeconds > 0,
  );
  const told = setbacks.map((setback) =>
    backends.length === 1 ? setback.reason : `${setback.backend}: ${setback.reason}`,
  );
  return {
    ...use,
    step: request.step,
    attempts,
    setbacks: told,
    ...(before.length === 0 ? {} : { before }),
  };
}

function identity() {
  const { workflowId, firstExecutionRunId } = workflowInfo();
  return { workflowId, firstRunId: firstExecutionRunId };
}

function specOf({ spec, step, checkpoints, model, version }: JobRequest): JobSpec {
  return {
    ...spec,
    checkpointScope: checkpoints ? checkpointScope({ ...identity(), step }) : null,
    labels: { model, version, workflowId: workflowInfo().workflowId },
  };
}
