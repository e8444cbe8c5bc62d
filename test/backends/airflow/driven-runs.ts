/**
 * Steps that start a run, watch it and sometimes cancel it, each call repeated until it answers, as
 * an activity is; and what must hold of them afterwards.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { ERRORS, OrreryError } from '../../../core/errors.ts';
import type { JobPhase } from '../../../core/ports/compute.ts';
import type { Pipeline, PipelineHandle } from '../../../core/ports/pipeline.ts';
import { workIntent } from '../../../core/training/job-key.ts';
import { WorkerKilled } from './crashes.ts';

/** A call that fails so often in a row is no bad luck. */
const TRIES_MAX = 200;
const READS_MAX = 500;

/** What a step is to do. */
export interface StepPlan {
  readonly nth: number;
  readonly dag: string;
  /** After so many readings it is cancelled; null lets it end by itself. */
  readonly cancelAfter: number | null;
  /** A dead run is followed by another under the next key, so often. */
  readonly attempts: number;
}

/** What a step came to. */
export interface StepEnd {
  readonly handle: PipelineHandle;
  readonly phase: JobPhase;
  /** Remote ids of all its attempts. */
  readonly attempts: readonly string[];
}

/** What is the same for all steps of a soak. */
export interface Driving {
  /** In the workflow id of every step. */
  readonly soak: string;
  /** After each answer: what it throws is a crash after the reply. */
  readonly between: () => void;
  /** Between two readings, milliseconds. */
  readonly pauseMs: number;
}

export async function driveStep(
  pipeline: Pipeline,
  plan: StepPlan,
  driving: Driving,
): Promise<StepEnd> {
  const attempts: string[] = [];
  for (let attempt = 1; ; attempt += 1) {
    const intent = intentOf(driving.soak, plan, attempt);
    const { handle, outcome } = await insist(() => pipeline.start(intent), driving);
    attempts.push(handle.remoteId);
    const phase =
      outcome === 'dead'
        ? (await insist(() => pipeline.read(handle), driving)).phase
        : await watch(pipeline, handle, plan, driving);
    const again = phase === 'failed' && attempt < plan.attempts;
    if (!again) return { handle, phase, attempts };
  }
}

function intentOf(soak: string, { nth, dag }: StepPlan, attempt: number) {
  const workflowId = `pipeline/${soak}/${nth}`;
  const spec = {
    pipeline: dag,
    version: null,
    params: { nth },
    timeoutSeconds: 1e9,
    labels: { model: 'soak', version: 'v1', workflowId },
  };
  return workIntent({ workflowId, firstRunId: 'r', step: 's', attempt }, spec);
}

async function watch(
  pipeline: Pipeline,
  handle: PipelineHandle,
  { cancelAfter }: StepPlan,
  driving: Driving,
): Promise<JobPhase> {
  for (let reads = 0; reads < READS_MAX; reads += 1) {
    if (reads === cancelAfter) return (await insist(() => pipeline.stop(handle), driving)).phase;
    const { phase } = await insist(() => pipeline.read(handle), driving);
    if (phase !== 'pending' && phase !== 'running') return phase;
    await sleep(driving.pauseMs);
  }
  return (await insist(() => pipeline.stop(handle), driving)).phase;
}

/** The call again and again, until its answer has arrived and was kept. */
async function insist<T>(call: () => Promise<T>, driving: Driving): Promise<T> {
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    try {
      const answer = await call();
      driving.between();
      return answer;
    } catch (error) {
      const retryable = error instanceof OrreryError && ERRORS[error.code].retryable;
      if (!retryable && !(error instanceof WorkerKilled)) throw error;
      await sleep(driving.pauseMs);
    }
  }
  throw new Error(`A call failed ${TRIES_MAX} times in a row`);
}
