import type { JobPhase, JobProgress, JobReading } from '../../../core/ports/compute.ts';
import { conditionOf, secondsOf } from '../../connections/kubernetes/objects.ts';
import type { Condition, KubernetesObject, Pod } from '../../connections/kubernetes/objects.ts';
import { readManifest } from './manifest.ts';
import {
  disruptionOf,
  exitOf,
  firstFailure,
  firstStart,
  heldSeconds,
  isLive,
  isRunning,
  isUncounted,
  manifestText,
  waitingReason,
} from './pods.ts';
import { stopMarkOf } from './record.ts';
import type { EndRecord } from './record.ts';
import { variableOf } from './train-job.ts';
import type { TrainJob } from './train-job.ts';

/** A JobSet or a Job below a TrainJob. */
export interface Child extends KubernetesObject {
  readonly kind?: string;
  readonly spec?: { readonly suspend?: boolean };
  readonly status?: {
    readonly conditions?: readonly Condition[];
    /** Of a Job: pods that have ended and are not in its counts yet. */
    readonly uncountedTerminatedPods?: {
      readonly succeeded?: readonly string[];
      readonly failed?: readonly string[];
    };
  };
}

/** What was read of one TrainJob. Children are read where they decide: see `needsChildren`. */
export interface Snapshot {
  readonly job: TrainJob;
  readonly pods: readonly Pod[];
  readonly jobSet: Child | null;
  readonly jobs: readonly Child[];
  /** What keeps pods from being made, by the events of the Jobs; empty for nothing. */
  readonly blocked: string;
}

/** What a snapshot says. An end that is not recorded yet is to be recorded. */
export type Assessment =
  | {
      readonly kind: 'live';
      readonly phase: Extract<JobPhase, 'pending' | 'running'>;
      /** Grows while the phase stays: see `revisionFor`. */
      readonly detail: number;
      readonly progress: JobProgress | null;
      readonly billableSeconds: number;
      readonly reason: string;
      readonly startedAt: string | null;
    }
  | { readonly kind: 'ended'; readonly record: EndRecord };

/** Revisions a second: changes within one second of Kubernetes' clock that still differ. */
const DETAIL_PER_SECOND = 2;
const REASON_CHARS_MAX = 1000;

/** Whether the state hangs on the JobSet and the Jobs, which are not read otherwise. */
export function needsChildren(job: TrainJob, pods: readonly Pod[]): boolean {
  const failed = conditionOf(job.status?.conditions, 'Failed') !== undefined;
  return failed || job.spec.suspend === true || pods.length === 0;
}

/**
 * The state of a job:
 *
 * - `pending`: no pod runs yet, for want of a JobSet, of quota, of nodes, of an image, or suspended
 *   by somebody else (Kueue does so while a job queues).
 * - `running`: a pod runs, or a job that has ended still has pods that are ending.
 * - `succeeded`: condition Complete, and the manifest names every declared output.
 * - `failed`: condition Failed, or Complete without the declared outputs.
 * - `cancelled`: our stop mark, the job and everything below it suspended, and no pod left. A job
 *   that completes or fails while it is being stopped has succeeded or failed.
 *
 * @param nowSeconds since 1970; whole seconds, as Kubernetes tells them
 */
export function assess(snapshot: Snapshot, nowSeconds: number): Assessment {
  const { job, pods } = snapshot;
  const complete = conditionOf(job.status?.conditions, 'Complete');
  const failed = conditionOf(job.status?.conditions, 'Failed');
  const ending = pods.filter(isLive).length;
  if (complete !== undefined && ending === 0) {
    return { kind: 'ended', record: succeededOrNot(snapshot, complete) };
  }
  if (failed !== undefined && ending === 0) {
    return { kind: 'ended', record: failure(snapshot, failed) };
  }
  const over = complete ?? failed;
  if (over !== undefined) {
    return live(snapshot, 'running', `${told(over)}; ${ending} pods are still ending`, nowSeconds);
  }
  if (job.spec.suspend === true) return suspended(snapshot, nowSeconds);
  const disruption = disruptionOf(pods);
  if (disruption !== null) {
    return live(snapshot, 'running', `is being preempted (${told(disruption)})`, nowSeconds);
  }
  if (pods.some(isRunning)) return live(snapshot, 'running', 'pods run', nowSeconds);
  const why = waitingReason(pods) ?? (snapshot.blocked || 'waits for its pods');
  return live(snapshot, 'pending', why, nowSeconds);
}

function suspended(snapshot: Snapshot, nowSeconds: number): Assessment {
  const { job, pods } = snapshot;
  const mark = stopMarkOf(job);
  const ending = pods.filter(isLive).length;
  if (mark === null) {
    const phase = pods.some(isRunning) ? 'running' : 'pending';
    return live(
      snapshot,
      phase,
      'was suspended by somebody else, and goes on when resumed',
      nowSeconds,
    );
  }
  if (!isAtRest(snapshot)) {
    return live(
      snapshot,
      'running',
      `is being stopped; ${ending} pods are still ending`,
      nowSeconds,
    );
  }
  // The pods are gone, and with them their times: each held on for its grace at the longest.
  const graceSeconds = Number(variableOf(job, 'ORRERY_GRACE_SECONDS') ?? 0);
  const endSeconds = Math.min(nowSeconds, mark.at + graceSeconds);
  const billableSeconds = mark.billableSeconds + mark.pods * Math.max(0, endSeconds - mark.at);
  return {
    kind: 'ended',
    record: {
      phase: 'cancelled',
      exit: null,
      billableSeconds,
      outputs: {},
      reason: 'stopped on request',
      startedAt: mark.startedAt,
    },
  };
}

/**
 * Suspended all the way down, so that nothing can make a pod any more, no pod left, and no verdict
 * due: pods that ended are counted by their Job before it tells its own end, and a JobSet completes
 * or fails by its Jobs though it is suspended. Until then a job that has succeeded looks stopped.
 */
function isAtRest({ job, pods, jobSet, jobs }: Snapshot): boolean {
  const has = (type: string) => (child: Pick<Child, 'status'>) =>
    conditionOf(child.status?.conditions, type) !== undefined;
  const isSuspended = has('Suspended');
  const hasFailed = has('Failed');
  const isOver = (child: Child) => has('Complete')(child) || hasFailed(child);
  const isVerdictDue = jobs.some(hasFailed) || (jobs.length > 0 && jobs.every(isOver));
  return (
    isSuspended(job) &&
    (jobSet === null || isSuspended(jobSet)) &&
    jobs.every((child) => isSuspended(child) || isOver(child)) &&
    !isVerdictDue &&
    !jobs.some(hasUncounted) &&
    !pods.some((pod) => isLive(pod) || isUncounted(pod))
  );
}

function hasUncounted({ status }: Child): boolean {
  const { succeeded = [], failed = [] } = status?.uncountedTerminatedPods ?? {};
  return succeeded.length + failed.length > 0;
}

function live(
  snapshot: Snapshot,
  phase: 'pending' | 'running',
  reason: string,
  nowSeconds: number,
): Assessment {
  const { job, pods } = snapshot;
  const { trainerStatus } = job.status ?? {};
  const since = secondsOf(job.metadata.creationTimestamp);
  const disrupted = disruptionOf(pods);
  const changes = [
    secondsOf(trainerStatus?.lastUpdatedTime),
    secondsOf(disrupted?.lastTransitionTime),
  ];
  return {
    kind: 'live',
    phase,
    detail:
      Math.max(0, ...changes.map((at) => at - since)) * DETAIL_PER_SECOND +
      (disrupted === null ? 0 : 1),
    progress: progressOf(trainerStatus),
    billableSeconds: heldSeconds(pods, nowSeconds),
    reason,
    startedAt: firstStart(pods),
  };
}

function progressOf(
  status: NonNullable<TrainJob['status']>['trainerStatus'],
): JobReading['progress'] {
  if (status?.progressPercentage === undefined) return null;
  const left = status.estimatedRemainingSeconds;
  const metrics = (status.metrics ?? [])
    .map(({ name, value }) => [name, Number(value)] as const)
    .filter(([, value]) => Number.isFinite(value));
  return {
    step: status.progressPercentage,
    steps: 100,
    message: left === undefined ? '' : `${left} s left`,
    ...(metrics.length === 0 ? {} : { metrics: Object.fromEntries(metrics) }),
  };
}

function succeededOrNot(snapshot: Snapshot, complete: Condition): EndRecord {
  const { job, pods } = snapshot;
  const declared = JSON.parse(variableOf(job, 'ORRERY_OUTPUTS_JSON') ?? '[]') as string[];
  const read = readManifest(manifestText(pods), declared);
  const base = { ...times(snapshot, complete), exit: { code: 0, signal: null } };
  return 'fault' in read
    ? { ...base, phase: 'failed', outputs: {}, reason: `ended with 0, but ${read.fault}` }
    : { ...base, phase: 'succeeded', outputs: read.outputs, reason: told(complete) };
}

function failure(snapshot: Snapshot, failed: Condition): EndRecord {
  const { pods, jobs } = snapshot;
  const end = firstFailure(pods);
  const disruption = disruptionOf(pods);
  const below = jobs
    .map(({ status }) => conditionOf(status?.conditions, 'Failed'))
    .find((condition) => condition !== undefined);
  // With a rule for it in the runtime, the Job keeps the reason when the pod is gone.
  const preempted =
    disruption === null &&
    below?.reason === 'PodFailurePolicy' &&
    below.message?.includes('DisruptionTarget')
      ? below
      : disruption;
  const parts = [
    preempted === null ? '' : `preempted (${told(preempted)})`,
    end === null ? '' : `exit code ${end.exitCode}`,
    end?.reason === undefined || end.reason === 'Error' ? '' : end.reason,
    end?.message ?? '',
    below === undefined || below === preempted || end !== null ? '' : told(below),
    told(failed),
  ];
  return {
    ...times(snapshot, failed),
    phase: 'failed',
    exit: end === null ? null : exitOf(end),
    outputs: {},
    reason: parts
      .filter((part) => part !== '')
      .join(': ')
      .slice(0, REASON_CHARS_MAX),
  };
}

/** Held seconds by the pods; by the job's own times, as an upper bound, where they are gone. */
function times({ job, pods }: Snapshot, over: Condition) {
  const to = secondsOf(over.lastTransitionTime);
  const nodes = job.spec.trainer?.numNodes ?? 1;
  const atMost = nodes * Math.max(0, to - secondsOf(job.metadata.creationTimestamp));
  return {
    billableSeconds: pods.length > 0 ? heldSeconds(pods, to) : atMost,
    startedAt: firstStart(pods) ?? (pods.length > 0 ? null : job.metadata.creationTimestamp),
  };
}

function told({ reason, message }: Condition): string {
  return [reason, message].filter((part) => part !== undefined && part !== '').join(': ');
}
