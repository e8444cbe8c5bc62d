import type { ArmCounters } from '../ports/metrics.ts';

/** Events of one arm within one tick. */
export interface ArmCounts {
  readonly requests: number;
  readonly errors: number;
  readonly slow: number;
}

/** Both arms over the same stretch of time. `stable` is null where there is nothing to compare with. */
export interface Tick {
  readonly seconds: number;
  readonly canary: ArmCounts;
  readonly stable: ArmCounts | null;
}

export const NO_COUNTS: ArmCounts = { requests: 0, errors: 0, slow: 0 };

/**
 * What happened between two readings of one arm. A missing reading or a change of epoch gives null:
 * the source lost count, so the stretch is no evidence.
 */
export function countsBetween(
  before: ArmCounters | undefined,
  after: ArmCounters | undefined,
): ArmCounts | null {
  if (before === undefined || after === undefined || before.epoch !== after.epoch) return null;
  const counts = {
    requests: after.requests - before.requests,
    errors: after.errors - before.errors,
    slow: after.slow - before.slow,
  };
  return counts.requests < 0 || counts.errors < 0 || counts.slow < 0 ? null : counts;
}

export function addCounts(a: ArmCounts, b: ArmCounts): ArmCounts {
  return { requests: a.requests + b.requests, errors: a.errors + b.errors, slow: a.slow + b.slow };
}
