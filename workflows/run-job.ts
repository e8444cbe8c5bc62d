import { workflowInfo } from '@temporalio/workflow';
import type { BackendChoice } from '../core/backend.ts';
import { backendFor } from '../core/backend.ts';
import type { JobHandle, JobReading, JobSpec } from '../core/ports/compute.ts';
import { nextAttempt } from '../core/training/attempts.ts';
import type { JobPolicy } from '../core/training/attempts.ts';
import { checkpointScope, jobIntent } from '../core/training/job-key.ts';
import type { JobSummary } from '../core/training/request.ts';
import { Compensations } from './compensations.ts';
import { failure } from './failures.ts';
import { control, slowControl, watch } from './options.ts';

export interface JobRequest {
  readonly step: string;
  readonly backends: BackendChoice;
  readonly policy: JobPolicy;
  readonly checkpoints: boolean;
  readonly spec: Omit<JobSpec, 'checkpointScope' | 'labels'>;
  readonly model: string;
  readonly version: string;
}

export interface JobEnd {
  readonly outputs: JobReading['outputs'];
  readonly summary: JobSummary;
}

/** Margin over the job's own limit, so that its backend ends it before Temporal ends the watch. */
const WATCH_MARGIN_SECONDS = 300;

/**
 * Submits a job and watches it, attempt after attempt, until it succeeds or may not be tried again.
 * However this ends, no job of it runs on.
 */
export async function runJob(request: JobRequest): Promise<JobEnd> {
  const backend = backendFor(request.backends, 'compute');
  const spec = specOf(request);
  const price = await control.quotePrice({
    backend: backendFor(request.backends, 'prices'),
    resources: spec.resources,
  });
  const setbacks: string[] = [];
  let billableSeconds = 0;
  for (let attempt = 1; ; attempt += 1) {
    const { reading, move } = await runAttempt(request, backend, spec, attempt);
    billableSeconds += reading.billableSeconds;
    if (move.kind === 'done') {
      const summary = { step: request.step, attempts: attempt, billableSeconds, price, setbacks };
      return { outputs: reading.outputs, summary };
    }
    if (move.kind === 'fail') {
      throw failure(move.code, `Cannot ${request.step}: ${move.reason} (log: ${reading.logUri})`);
    }
    setbacks.push(move.reason);
  }
}

async function runAttempt(request: JobRequest, backend: string, spec: JobSpec, attempt: number) {
  const { policy, step } = request;
  const intent = jobIntent({ ...identity(), step, attempt }, spec);
  let handle: JobHandle = { key: intent.key, remoteId: intent.key };
  const compensations = new Compensations();
  compensations.register('stop job', () => slowControl.stopJob({ backend, handle }));
  try {
    handle = (await control.startJob({ backend, intent })).handle;
    const seconds = spec.timeoutSeconds + spec.graceSeconds + WATCH_MARGIN_SECONDS;
    let watched = await watch(policy.heartbeatTimeoutSeconds, seconds).superviseJob({
      backend,
      handle,
      policy,
    });
    let move = nextAttempt(watched, attempt, policy);
    if (move.kind === 'stop') {
      const reading = await slowControl.stopJob({ backend, handle });
      watched = { reading: { ...reading, reason: move.reason }, stalled: false };
      move = nextAttempt(watched, attempt, policy);
    }
    compensations.settle('stop job');
    return { reading: watched.reading, move };
  } catch (error) {
    const failed = await compensations.run();
    if (failed.length > 0) throw failure('INTERNAL', `Cannot stop ${step}: ${failed.join('; ')}`);
    throw error;
  }
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
