import type { JobReading } from '../ports/compute.ts';

/** How a job is watched and how often it may be tried. */
export interface JobPolicy {
  /** Most attempts of one step, the first included. */
  readonly attemptsMax: number;
  /** How soon a dead watcher is noticed; each flush of a heartbeat costs a Temporal Action. */
  readonly heartbeatTimeoutSeconds: number;
  /** A running job without a change of progress for so long is stalled; 0 for never. */
  readonly stallSeconds: number;
}

export const JOB_POLICY_DEFAULT: JobPolicy = {
  attemptsMax: 3,
  heartbeatTimeoutSeconds: 3,
  stallSeconds: 0,
};

/** Exit codes of docs/jobs.md that mean something to us. */
export const EXIT_SUCCESS = 0;
/** EX_USAGE of sysexits.h: the input is wrong, and will be wrong again. */
export const EXIT_REJECTED = 64;
/** 128 + SIGTERM: ended on request after saving a checkpoint. */
export const EXIT_PREEMPTED = 143;

export type AttemptMove =
  | { readonly kind: 'done' }
  | { readonly kind: 'retry'; readonly reason: string }
  | { readonly kind: 'stop'; readonly reason: string }
  | {
      readonly kind: 'fail';
      readonly code: 'JOB_REJECTED' | 'JOB_FAILED';
      readonly reason: string;
    };

/** What a watcher saw when it returned. */
export interface JobWatch {
  readonly reading: JobReading;
  /** The job still runs but has told no progress for `stallSeconds`. */
  readonly stalled: boolean;
}

/**
 * What follows an attempt. `stop` asks to stop a stalled job, after which this is asked again.
 * A cancelled job that nobody here cancelled counts as a failed attempt: somebody took it away.
 */
export function nextAttempt(watch: JobWatch, attempt: number, policy: JobPolicy): AttemptMove {
  const { phase, exit, reason } = watch.reading;
  switch (phase) {
    case 'succeeded':
      return { kind: 'done' };
    case 'pending':
    case 'running':
      return { kind: 'stop', reason: `no progress for ${policy.stallSeconds} s` };
    case 'failed':
      if (exit?.code === EXIT_REJECTED) return { kind: 'fail', code: 'JOB_REJECTED', reason };
      return retryOrFail(reason, attempt, policy);
    case 'cancelled':
    case 'lost':
      return retryOrFail(reason, attempt, policy);
  }
}

function retryOrFail(reason: string, attempt: number, policy: JobPolicy): AttemptMove {
  return attempt < policy.attemptsMax
    ? { kind: 'retry', reason }
    : {
        kind: 'fail',
        code: 'JOB_FAILED',
        reason: `attempt ${attempt} of ${policy.attemptsMax}: ${reason}`,
      };
}
