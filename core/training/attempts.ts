import type { JobReading } from '../ports/compute.ts';

/** How a job is watched and how often it may be tried. */
export interface JobPolicy {
  /** Most attempts of one step on one backend, the first included. */
  readonly attemptsMax: number;
  /**
   * How soon a dead watcher is noticed, seconds, 1–3600. Each flush of a heartbeat costs a Temporal
   * Action: 1000 s and more keep a day of watching under 120 (core/training/watching.ts). How soon
   * the end of a job is noticed does not depend on it.
   */
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

/** How an attempt ended; what follows from it is core/training/fallback.ts. */
export type AttemptEnd =
  | { readonly kind: 'done' }
  /** It is stalled: to be stopped, after which this is asked again. */
  | { readonly kind: 'stop'; readonly reason: string }
  | {
      readonly kind: 'setback';
      readonly code: 'JOB_REJECTED' | 'JOB_FAILED' | 'JOB_LOST';
      readonly reason: string;
    };

/** What a watcher saw when it returned. */
export interface JobWatch {
  readonly reading: JobReading;
  /** The job still runs but has told no progress for `stallSeconds`. */
  readonly stalled: boolean;
}

/**
 * How an attempt ended. A cancelled job that nobody here cancelled counts as failed: somebody took
 * it away.
 */
export function attemptEnd({ reading }: JobWatch, policy: JobPolicy): AttemptEnd {
  const { phase, exit, reason } = reading;
  switch (phase) {
    case 'succeeded':
      return { kind: 'done' };
    case 'pending':
    case 'running':
      return { kind: 'stop', reason: `no progress for ${policy.stallSeconds} s` };
    case 'failed':
      return {
        kind: 'setback',
        code: exit?.code === EXIT_REJECTED ? 'JOB_REJECTED' : 'JOB_FAILED',
        reason,
      };
    case 'cancelled':
      return { kind: 'setback', code: 'JOB_FAILED', reason };
    case 'lost':
      return { kind: 'setback', code: 'JOB_LOST', reason };
  }
}
