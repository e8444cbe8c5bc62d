import type { Look, NextMove, SpotJob, SpotPolicy } from './situation.ts';

/**
 * Spot when it is there, else wait; the safety net does the rest (CBL 3.3). No deterministic rule
 * is better in the worst case (CBL, theorem 1: competitive ratio k), yet on real traces it waits
 * its slack away early and then can no longer use the spot capacity that comes later.
 */
export const greedy: SpotPolicy = {
  name: 'greedy',
  source: 'CBL 3.3',
  decide(_job: SpotJob, look: Look): NextMove {
    if (look.mode === 'on-demand')
      return { mode: 'on-demand', because: 'the deadline leaves time for on-demand only' };
    if (look.mode === 'spot') return { mode: 'spot', because: 'spot is held' };
    return look.spotAvailable
      ? { mode: 'spot', because: 'spot is there' }
      : { mode: 'idle', because: 'no spot, and time to wait' };
  },
};
