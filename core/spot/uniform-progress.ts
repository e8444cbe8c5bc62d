import type { Look, NextMove, SpotJob, SpotPolicy } from './situation.ts';

/** ep(t): work that should be done after so many seconds if it is spread evenly over the time. */
export function expectedProgressSeconds(job: SpotJob, elapsedSeconds: number): number {
  return (elapsedSeconds * job.workSeconds) / job.deadlineSeconds;
}

/** Progress this close to the line is on it. */
const TIE_SECONDS = 1e-6;

/**
 * Uniform Progress (CBL 4.2): keep the work done on the straight line from start to deadline.
 * Idle and behind the line it takes spot if there is any, else on-demand. On on-demand it stays
 * while there is no spot, or until progress is past where the line will be 2 d later; the
 * literal text of the paper, which goes idle when ahead, does not reproduce its Table 3, this does.
 */
export const uniformProgress: SpotPolicy = {
  name: 'uniform progress',
  source: 'CBL 4.2, as in the reference implementation',
  decide(job: SpotJob, look: Look): NextMove {
    const done = job.workSeconds - look.workLeftSeconds;
    if (look.mode === 'spot') return { mode: 'spot', because: 'spot is held' };
    if (look.mode === 'on-demand') {
      const wanted = expectedProgressSeconds(job, look.elapsedSeconds + 2 * job.changeoverSeconds);
      return look.spotAvailable && done > wanted + TIE_SECONDS
        ? { mode: 'spot', because: 'spot is there' }
        : { mode: 'on-demand', because: 'progress is not far enough ahead to leave on-demand' };
    }
    if (look.spotAvailable) return { mode: 'spot', because: 'spot is there' };
    return done < expectedProgressSeconds(job, look.elapsedSeconds) - TIE_SECONDS
      ? { mode: 'on-demand', because: 'no spot, and progress is behind the line' }
      : { mode: 'idle', because: 'no spot, and time to wait' };
  },
};
