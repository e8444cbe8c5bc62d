/** States of the far side → phases (job_state.proto, pipeline_state.proto, pipeline_job.proto). */
import type { JobPhase } from '../../core/ports/compute.ts';

/**
 * PAUSED is open: it can be resumed. CANCELLING is running until its end was read, which may be
 * SUCCEEDED. PARTIALLY_SUCCEEDED counts as succeeded where every declared output is there.
 */
const PHASES: Readonly<Record<string, JobPhase>> = {
  UNSPECIFIED: 'pending',
  QUEUED: 'pending',
  PENDING: 'pending',
  RUNNING: 'running',
  UPDATING: 'running',
  PAUSED: 'running',
  CANCEL_PENDING: 'running',
  CANCELLING: 'running',
  SUCCEEDED: 'succeeded',
  PARTIALLY_SUCCEEDED: 'succeeded',
  SKIPPED: 'succeeded',
  NOT_TRIGGERED: 'cancelled',
  CANCELLED: 'cancelled',
  FAILED: 'failed',
  EXPIRED: 'failed',
};

/** `JOB_STATE_RUNNING` and `PIPELINE_STATE_RUNNING` → `RUNNING`. */
export function plainState(state: unknown): string {
  return String(state ?? 'UNSPECIFIED').replace(/^(JOB|PIPELINE)_STATE_|^STATE_/, '');
}

/** A state that is new on the far side counts as running: it is no end that we know. */
export function phaseOfState(state: unknown): JobPhase {
  return PHASES[plainState(state)] ?? 'running';
}
