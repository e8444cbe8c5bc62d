import { setTimeout as sleep } from 'node:timers/promises';
import { isTerminal, waitForNews } from '../connections/polling.ts';
import type { Pace } from '../connections/polling.ts';
import type { JobPhase } from '../../core/ports/compute.ts';

interface Reading {
  readonly phase: JobPhase;
  readonly revision: number;
}
interface Seen<R> {
  readonly at: number;
  readonly reading: R;
}
type Wait = { readonly since: number; readonly waitMs: number };

/** Live pieces of work whose last reading is kept; the oldest is forgotten first. */
const SEEN_MAX = 10_000;

/**
 * A watcher asks again as soon as it was answered, for its heartbeats; the far side counts requests by
 * the minute. So whoever waits is answered out of the last reading until `pollMs` have passed since it.
 * A reading without waiting is always made anew.
 */
export function paced<Handle extends { readonly key: string }, R extends Reading>(
  read: (handle: Handle) => Promise<R>,
  pace: Pace,
): (handle: Handle, wait?: Wait) => Promise<R> {
  const seen = new Map<string, Seen<R>>();
  const readNow = async (handle: Handle): Promise<R> => {
    const reading = await read(handle);
    seen.delete(handle.key);
    if (isTerminal(reading.phase)) return reading;
    const [oldest] = seen.keys();
    if (seen.size >= SEEN_MAX && oldest !== undefined) seen.delete(oldest);
    seen.set(handle.key, { at: Date.now(), reading });
    return reading;
  };
  return async (handle, wait) => {
    if (wait === undefined) return readNow(handle);
    const untilAt = Date.now() + wait.waitMs;
    for (;;) {
      const last = seen.get(handle.key);
      const dueAt =
        last === undefined || last.reading.revision > wait.since ? 0 : last.at + pace.pollMs;
      const waitMs = Math.min(dueAt, untilAt) - Date.now();
      if (waitMs > 0) await sleep(waitMs);
      if (last !== undefined && dueAt > untilAt) {
        return { ...last.reading, revision: Math.max(last.reading.revision, wait.since) };
      }
      const reading = await waitForNews(() => readNow(handle), { ...wait, waitMs: 0 }, pace);
      if (reading.revision > wait.since || Date.now() >= untilAt) return reading;
    }
  };
}
