import { setTimeout as sleep } from 'node:timers/promises';

/** How often KServe is asked while somebody waits, milliseconds. */
const POLL_MS = 250;

/** Asks until the answer is not null, or the time is over: then null. */
export async function untilAnswer<T>(
  ask: () => Promise<T | null>,
  secondsMax: number,
): Promise<T | null> {
  const until = Date.now() + secondsMax * 1000;
  for (;;) {
    const answer = await ask();
    if (answer !== null) return answer;
    if (Date.now() >= until) return null;
    await sleep(POLL_MS);
  }
}
