import type { Look, NextMove, SpotJob, SpotPolicy } from './situation.ts';

/**
 * The time until the deadline in n equal slices, each with its share C / n of the work (CBL 4.1).
 * A slice is worked off greedily: spot or idle, and on-demand once the rest of the slice is no
 * longer than what is left of its share and two changeovers. Work beyond the share carries over.
 *
 * @param slices n, 1 or more; 1 is greedy
 */
export function timeSliced(slices: number): SpotPolicy {
  return {
    name: `time sliced (${slices})`,
    source: 'CBL 4.1',
    decide(job: SpotJob, look: Look): NextMove {
      const slice = Math.min(
        slices,
        1 + Math.floor((look.elapsedSeconds * slices) / job.deadlineSeconds),
      );
      const done = job.workSeconds - look.workLeftSeconds;
      const shareLeft = (slice * job.workSeconds) / slices - done;
      const timeLeft = (slice * job.deadlineSeconds) / slices - look.elapsedSeconds;
      if (look.mode === 'spot') return { mode: 'spot', because: 'spot is held' };
      const isTight = shareLeft > 0 && shareLeft + 2 * job.changeoverSeconds >= timeLeft;
      if (look.mode === 'on-demand' && isTight) {
        return {
          mode: 'on-demand',
          because: 'progress is not far enough ahead to leave on-demand',
        };
      }
      if (look.spotAvailable) return { mode: 'spot', because: 'spot is there' };
      return isTight
        ? { mode: 'on-demand', because: 'no spot, and progress is behind the line' }
        : { mode: 'idle', because: 'no spot, and time to wait' };
    },
  };
}
