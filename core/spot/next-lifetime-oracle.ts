import { expectedProgressSeconds } from './uniform-progress.ts';
import type { Look, NextMove, SpotJob, SpotPolicy } from './situation.ts';

/**
 * Uniform Progress that knows how long the spot instance of now would live (CBL 5.4); a yardstick,
 * for nobody knows. With k = on-demand price / spot price, idle it takes spot only if it lives
 * longer than k d / (k - 1), and on on-demand, only if longer than twice that: a shorter life does
 * not earn its changeovers back.
 *
 * @param lifetimeSeconds for how long spot stays, counted from a look at so many elapsed seconds
 */
export function nextLifetimeOracle(
  lifetimeSeconds: (elapsedSeconds: number) => number,
): SpotPolicy {
  return {
    name: 'uniform progress + next lifetime',
    source: 'CBL 5.4',
    decide(job: SpotJob, look: Look): NextMove {
      if (look.mode === 'spot') return { mode: 'spot', because: 'spot is held' };
      const { spot, onDemand } = job.usdPerHour;
      const worthSeconds = (onDemand * job.changeoverSeconds) / (onDemand - spot);
      const starts = look.mode === 'on-demand' ? 2 : 1;
      const lasts = lifetimeSeconds(look.elapsedSeconds) > starts * worthSeconds;
      if (look.spotAvailable && onDemand > spot && lasts) {
        return { mode: 'spot', because: 'spot is there' };
      }
      if (look.mode === 'on-demand') {
        return { mode: 'on-demand', because: 'spot is not expected to last long enough' };
      }
      const done = job.workSeconds - look.workLeftSeconds;
      return done < expectedProgressSeconds(job, look.elapsedSeconds) - 1e-6
        ? { mode: 'on-demand', because: 'no spot, and progress is behind the line' }
        : { mode: 'idle', because: 'no spot, and time to wait' };
    },
  };
}
