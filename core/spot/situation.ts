/**
 * The words of spot scheduling, after "Can't Be Late: Optimizing Spot Instance Savings under
 * Deadlines" (Wu et al., NSDI 2024), section 3; called CBL in this folder.
 *
 * A job has C seconds of work to do before a deadline R seconds after its start. At every look it
 * is idle, on spot or on on-demand capacity. Entering spot or on-demand costs a changeover of d
 * seconds, charged and without progress; so does a new spot instance after a lost one. A gang of N
 * nodes runs on N instances or on none (CBL 6.6), so that for a rule it is one instance N times as
 * dear, and spot is there only while all N can be had.
 */
export type Mode = 'idle' | 'spot' | 'on-demand';

export interface SpotJob {
  /** C: seconds of work on one gang. Above 0. */
  readonly workSeconds: number;
  /** R: seconds from the start to the deadline. At least C. */
  readonly deadlineSeconds: number;
  /** d: seconds from asking for capacity to the first new progress, lost progress included. */
  readonly changeoverSeconds: number;
  /** Seconds between two looks; a decision stands for that long. Above 0. */
  readonly lookSeconds: number;
  /** Dollars an hour of the whole gang. */
  readonly usdPerHour: { readonly spot: number; readonly onDemand: number };
}

/** What was seen of the spot market so far, at the places that the job may use. */
export interface Seen {
  /** Whether spot could be had at the last look. */
  readonly available: boolean;
  /** How long that has been so, the look of now included: one look or more. */
  readonly ageSeconds: number;
  readonly availableSeconds: number;
  readonly unavailableSeconds: number;
  /** Stretches of availability that have ended. */
  readonly losses: number;
}

/** All that a rule may know when it decides. */
export interface Look {
  readonly elapsedSeconds: number;
  /** C(t): work left, the changeover not counted. */
  readonly workLeftSeconds: number;
  /** Of the changeover of the instance that is held, 0 when idle. */
  readonly overheadLeftSeconds: number;
  /** As it is now: a spot instance that was lost has left the job idle. */
  readonly mode: Mode;
  readonly spotAvailable: boolean;
  readonly seen: Seen;
}

/** Why a move is made; printed with it and kept in the history. */
export type Because =
  | 'spot is there'
  | 'spot is held'
  | 'no spot, and time to wait'
  | 'no spot, and progress is behind the line'
  | 'progress is not far enough ahead to leave on-demand'
  | 'spot has not been there long enough to leave on-demand'
  | 'spot is not expected to last long enough'
  | 'spot is not cheaper than on-demand'
  | 'the deadline leaves time for on-demand only'
  | 'waiting is the cheapest in expectation'
  | 'spot is the cheapest in expectation'
  | 'on-demand is the cheapest in expectation'
  | 'the work is done';

/** The plan for the time until the next look. */
export interface NextMove {
  readonly mode: Mode;
  readonly because: Because;
}

/** A rule: the same job and look give the same move, always. */
export interface SpotPolicy {
  readonly name: string;
  /** Paper and section, or the decision record. */
  readonly source: string;
  decide(job: SpotJob, look: Look): NextMove;
}

/** Looks are compared in whole ticks with this much room for the rounding of floating point. */
export const ROUNDING = 1e-9;

/** What is known of a zone that nobody has looked at. */
export const NOTHING_SEEN: Seen = {
  available: false,
  ageSeconds: 0,
  availableSeconds: 0,
  unavailableSeconds: 0,
  losses: 0,
};

/** What has been seen after one more look, which stands for `seconds`. */
export function observe(seen: Seen, available: boolean, seconds: number): Seen {
  const same = seen.available === available;
  return {
    available,
    ageSeconds: same ? seen.ageSeconds + seconds : seconds,
    availableSeconds: seen.availableSeconds + (available ? seconds : 0),
    unavailableSeconds: seen.unavailableSeconds + (available ? 0 : seconds),
    losses: seen.losses + (seen.available && !available ? 1 : 0),
  };
}
