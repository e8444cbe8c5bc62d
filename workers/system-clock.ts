import { setTimeout } from 'node:timers/promises';
import type { Clock } from '../core/backend.ts';

/** The clock of the machine. A sleep that is aborted ends early and says nothing. */
export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: async (ms, signal) => {
    await setTimeout(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
  },
};
