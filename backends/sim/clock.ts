import type { Clock } from '../../core/backend.ts';

/** Time that passes only while somebody sleeps. */
export interface VirtualClock extends Clock {
  /** Milliseconds since 1970 at which the world began. */
  readonly startedAt: number;
  /** Seconds since the world began. */
  elapsedSeconds(): number;
}

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

/**
 * A clock of discrete events. Each sleeper brings one wake-up, and a wake-up wakes whichever sleeper
 * is due first, so that concurrent loops see time in order whoever fell asleep first, and polling
 * loops finish as fast as the machine runs them.
 *
 * @param realMsPerSecond real milliseconds that a virtual second takes; 0 for none. Tests that kill
 *   processes in the middle of something use it to have a middle.
 */
export function createVirtualClock(startedAt: number, realMsPerSecond: number): VirtualClock {
  let now = startedAt;
  const sleepers: Sleeper[] = [];

  const wakeEarliest = (): void => {
    const first = sleepers.shift();
    if (first === undefined) return;
    now = Math.max(now, first.at);
    first.wake();
  };
  const enter = (sleeper: Sleeper): void => {
    const later = sleepers.findIndex((other) => other.at > sleeper.at);
    sleepers.splice(later === -1 ? sleepers.length : later, 0, sleeper);
  };
  const sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason as Error);
        return;
      }
      const cancelWakeUp = schedule(wakeEarliest, (ms / 1000) * realMsPerSecond);
      const abort = (): void => {
        sleepers.splice(sleepers.indexOf(sleeper), 1);
        cancelWakeUp();
        reject(signal?.reason as Error);
      };
      const sleeper: Sleeper = {
        at: now + Math.max(0, ms),
        wake: () => {
          signal?.removeEventListener('abort', abort);
          resolve();
        },
      };
      enter(sleeper);
      signal?.addEventListener('abort', abort, { once: true });
    });
  return { startedAt, now: () => now, elapsedSeconds: () => (now - startedAt) / 1000, sleep };
}

function schedule(action: () => void, realMs: number): () => void {
  if (realMs <= 0) {
    const immediate = setImmediate(action);
    return () => clearImmediate(immediate);
  }
  const timer = setTimeout(action, realMs);
  return () => clearTimeout(timer);
}
