import type { VirtualClock } from './clock.ts';

/** Waits until a time comes or somebody calls a watcher, whichever is first. */
export async function sleepUntil(
  clock: VirtualClock,
  watchers: Set<() => void>,
  at: number,
): Promise<void> {
  const sleep = new AbortController();
  const changed = (): void => sleep.abort();
  watchers.add(changed);
  try {
    await clock.sleep(at - clock.now(), sleep.signal);
  } catch (cause) {
    // The only other reason for a sleep to end is that somebody called.
    if (!sleep.signal.aborted) throw cause;
  } finally {
    watchers.delete(changed);
  }
}
