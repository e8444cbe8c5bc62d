import { ROUNDING } from './situation.ts';
import type { Look, NextMove, SpotJob } from './situation.ts';

const LAST_RESORT: NextMove = {
  mode: 'on-demand',
  because: 'the deadline leaves time for on-demand only',
};

/** Whole looks that fit before the deadline. */
function looksLeft(job: SpotJob, look: Look): number {
  return Math.floor((job.deadlineSeconds - look.elapsedSeconds) / job.lookSeconds + ROUNDING);
}

/** Looks that so many seconds take, a begun one counted whole. */
function looksFor(job: SpotJob, seconds: number): number {
  return Math.ceil(seconds / job.lookSeconds - ROUNDING);
}

/**
 * The safety net (CBL 3.2) that is laid under every rule, so that none is ever late: on-demand
 * capacity, which is taken to be there when asked for, still finishes the work in time.
 *
 * Idle or on on-demand, on-demand is the only move once work + 2 d fill the looks that are left:
 * one more try on spot may cost one changeover, and on-demand after it another. On spot, once
 * work + d fill them, the instance is kept only if its changeover is over: then each look on it
 * does a whole look of work, and what is left stays as feasible as it was.
 *
 * @returns the move that must be made, or null where the rule is free
 */
export function guard(job: SpotJob, look: Look): NextMove | null {
  const left = looksLeft(job, look);
  const d = job.changeoverSeconds;
  if (look.mode !== 'spot') {
    return looksFor(job, look.workLeftSeconds + 2 * d) >= left ? LAST_RESORT : null;
  }
  if (looksFor(job, look.workLeftSeconds + d) < left || look.overheadLeftSeconds <= 0) return null;
  return LAST_RESORT;
}

/**
 * Whether a wanted move away from a held spot instance keeps the deadline: the guard of the
 * next look has to find work + d within the looks that are left then.
 */
export function mayIdle(job: SpotJob, look: Look): boolean {
  return looksFor(job, look.workLeftSeconds + job.changeoverSeconds) <= looksLeft(job, look) - 1;
}
