import { guard, mayIdle } from './guard.ts';
import { NOTHING_SEEN, observe } from './situation.ts';
import type { Look, Mode, NextMove, SpotJob, SpotPolicy } from './situation.ts';

/** What a job came to under one rule and one history of availability. */
export interface SpotRun {
  readonly usd: number;
  /** Seconds from the start to the end of the work; Infinity when it was never done. */
  readonly finishedSeconds: number;
  readonly isLate: boolean;
  /** Useful seconds on each market, changeovers not counted. */
  readonly workedSeconds: { readonly spot: number; readonly onDemand: number };
  /** Seconds that were charged for changeovers. */
  readonly changeoverSeconds: number;
  readonly starts: { readonly spot: number; readonly onDemand: number };
}

/** One look of a run, for a timeline. */
export interface SpotStep {
  readonly look: Look;
  readonly move: NextMove;
  readonly chargedSeconds: number;
}

/**
 * Runs a job against an availability that is known look by look.
 *
 * A look covers `lookSeconds`. At its start the rule sees whether spot can be had during it; a held
 * spot instance is lost at the start of a look without. Entering a market from any other mode sets
 * a changeover of d, which is worked off first. Every look with an instance is charged in full,
 * the last one up to the finish. The safety net lies under the rule.
 *
 * @param isAvailable whether spot can be had in look number i, from 0
 * @param onStep called with every look that was made
 */
export function simulate(
  job: SpotJob,
  policy: SpotPolicy,
  isAvailable: (index: number) => boolean,
  onStep?: (step: SpotStep) => void,
): SpotRun {
  const run = { spot: 0, onDemand: 0, usd: 0, changeover: 0, spotStarts: 0, onDemandStarts: 0 };
  const looksMax = Math.ceil(job.deadlineSeconds / job.lookSeconds) + LATE_LOOKS;
  let [mode, overhead, work, seen]: [Mode, number, number, typeof NOTHING_SEEN] = [
    'idle',
    0,
    job.workSeconds,
    NOTHING_SEEN,
  ];
  let index = 0;
  let elapsed = 0;
  for (; work > WORK_ROUNDING && index < looksMax; index += 1) {
    const spotAvailable = isAvailable(index);
    seen = observe(seen, spotAvailable, job.lookSeconds);
    if (mode === 'spot' && !spotAvailable) [mode, overhead] = ['idle', 0];
    elapsed = index * job.lookSeconds;
    const look: Look = {
      elapsedSeconds: elapsed,
      workLeftSeconds: work,
      overheadLeftSeconds: overhead,
      mode,
      spotAvailable,
      seen,
    };
    const move = nextMove(job, policy, look);
    if (move.mode !== mode && move.mode !== 'idle') {
      overhead = job.changeoverSeconds;
      if (move.mode === 'spot') run.spotStarts += 1;
      else run.onDemandStarts += 1;
    }
    mode = move.mode;
    if (mode === 'idle') overhead = 0;
    const lost = mode === 'idle' ? 0 : Math.min(overhead, job.lookSeconds);
    const worked = mode === 'idle' ? 0 : Math.min(job.lookSeconds - lost, work);
    const charged = lost + worked;
    overhead -= lost;
    work -= worked;
    run.changeover += lost;
    if (mode === 'spot') run.spot += worked;
    if (mode === 'on-demand') run.onDemand += worked;
    run.usd += (charged / 3600) * usdPerHour(job, mode);
    elapsed += charged;
    onStep?.({ look, move, chargedSeconds: charged });
  }
  const finishedSeconds = work > WORK_ROUNDING ? Infinity : elapsed;
  return {
    usd: run.usd,
    finishedSeconds,
    isLate: finishedSeconds > job.deadlineSeconds + WORK_ROUNDING,
    workedSeconds: { spot: run.spot, onDemand: run.onDemand },
    changeoverSeconds: run.changeover,
    starts: { spot: run.spotStarts, onDemand: run.onDemandStarts },
  };
}

/** Looks past the deadline after which a run is given up as never done. */
const LATE_LOOKS = 3;
/** Work of less than this many seconds is done. */
const WORK_ROUNDING = 1e-6;

function usdPerHour(job: SpotJob, mode: Mode): number {
  if (mode === 'idle') return 0;
  return mode === 'spot' ? job.usdPerHour.spot : job.usdPerHour.onDemand;
}

/** The move of the rule, or what the safety net and the market make of it. */
export function nextMove(job: SpotJob, policy: SpotPolicy, look: Look): NextMove {
  const forced = guard(job, look);
  if (forced !== null) return forced;
  const move = policy.decide(job, look);
  if (move.mode === 'spot' && !look.spotAvailable) {
    throw new RangeError(`The rule "${policy.name}" takes spot capacity where there is none`);
  }
  const leavesSpot = look.mode === 'spot' && move.mode === 'idle';
  return leavesSpot && !mayIdle(job, look) ? { mode: 'spot', because: 'spot is held' } : move;
}
