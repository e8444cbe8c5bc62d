import type { JobReading } from '../../../core/ports/compute.ts';
import { conditionOf, secondsOf } from '../../connections/kubernetes/objects.ts';
import type { Condition, ContainerStatus, Pod } from '../../connections/kubernetes/objects.ts';
import { PROGRAM_CONTAINER } from './train-job.ts';

const COMPLETION_INDEX = 'batch.kubernetes.io/job-completion-index';
type Terminated = NonNullable<NonNullable<ContainerStatus['state']>['terminated']>;

/** Neither succeeded nor failed: it runs, will run, or is ending. */
export function isLive({ status }: Pod): boolean {
  return status?.phase !== 'Succeeded' && status?.phase !== 'Failed';
}

/** The finalizer goes when its Job has counted how the pod ended. */
export function isUncounted({ metadata }: Pod): boolean {
  return metadata.finalizers?.includes('batch.kubernetes.io/job-tracking') === true;
}

export function isRunning(pod: Pod): boolean {
  return isLive(pod) && pod.status?.phase === 'Running';
}

/**
 * Seconds for which pods held their resources until `nowSeconds`, added over them: from when a node
 * took a pod on to when its last container ended. A pod that was there at all counts for a second:
 * Kubernetes tells times in whole ones.
 */
export function heldSeconds(pods: readonly Pod[], nowSeconds: number): number {
  return pods.reduce((sum, pod) => sum + heldByOne(pod, nowSeconds), 0);
}

function heldByOne(pod: Pod, nowSeconds: number): number {
  const from = secondsOf(pod.status?.startTime);
  if (from === 0) return 0;
  const ends = (pod.status?.containerStatuses ?? []).map(({ state }) =>
    secondsOf(state?.terminated?.finishedAt),
  );
  const last = Math.max(0, ...ends);
  const to = isLive(pod) || last === 0 ? nowSeconds : last;
  return Math.max(1, to - from);
}

/** RFC 3339 of the first pod's start; null when none has. */
export function firstStart(pods: readonly Pod[]): string | null {
  const starts = pods.map(({ status }) => status?.startTime).filter((time) => time !== undefined);
  return starts.toSorted()[0] ?? null;
}

/** The notice that a pod is, or was, taken away: preempted, evicted, drained, its node reclaimed. */
export function disruptionOf(pods: readonly Pod[]): Condition | null {
  for (const { status } of pods) {
    const condition = conditionOf(status?.conditions, 'DisruptionTarget');
    if (condition !== undefined) return condition;
  }
  return null;
}

function endOf(pod: Pod): Terminated | undefined {
  const statuses = pod.status?.containerStatuses ?? [];
  return statuses.find(({ name }) => name === PROGRAM_CONTAINER)?.state?.terminated;
}

/** The program that failed first. */
export function firstFailure(pods: readonly Pod[]): Terminated | null {
  const ends = pods.map(endOf).filter((end) => end !== undefined && end.exitCode !== 0);
  const failed = ends as readonly Terminated[];
  return failed.toSorted((a, b) => secondsOf(a.finishedAt) - secondsOf(b.finishedAt))[0] ?? null;
}

export function exitOf({ exitCode, signal }: Terminated): NonNullable<JobReading['exit']> {
  return signal === undefined || signal === 0
    ? { code: exitCode, signal: null }
    : { code: null, signal: String(signal) };
}

/** What the program of rank 0 left as its termination message; of several tries the last. */
export function manifestText(pods: readonly Pod[]): string | undefined {
  const first = pods.filter(
    (pod) =>
      pod.status?.phase === 'Succeeded' &&
      (pod.metadata.labels?.[COMPLETION_INDEX] ?? '0') === '0' &&
      endOf(pod) !== undefined,
  );
  return first.map((pod) => endOf(pod)?.message).at(-1);
}

/** Why pods do not run yet, in the far side's words. */
export function waitingReason(pods: readonly Pod[]): string | null {
  for (const { status } of pods) {
    const scheduling = status?.conditions?.find(({ type }) => type === 'PodScheduled');
    if (scheduling?.status === 'False') return `${scheduling.reason}: ${scheduling.message}`;
    for (const { state } of status?.containerStatuses ?? []) {
      const waiting = state?.waiting;
      if (waiting?.reason !== undefined && waiting.reason !== 'ContainerCreating') {
        return `${waiting.reason}: ${waiting.message ?? ''}`;
      }
    }
  }
  return null;
}
