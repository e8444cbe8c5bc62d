import { Context } from '@temporalio/activity';

/**
 * Milliseconds until the first heartbeat of an activity that tells no progress of its own, and
 * between the next ones. Most activities are over before: they cost no Action for it.
 */
export const BEAT_MS = 2000;

/**
 * Lets activities heartbeat while they run, so that the death of their worker is noticed by the
 * heartbeat timeout and not by their whole start-to-close timeout. What they compute runs in worker
 * threads or elsewhere, so a beat means that the worker lives.
 */
export function beating<A extends Record<string, (input: never) => Promise<unknown>>>(
  activities: A,
): A {
  const wrapped = Object.entries(activities).map(([name, run]) => [
    name,
    async (input: never) => {
      const context = Context.current();
      const timer = setInterval(() => context.heartbeat(), BEAT_MS);
      try {
        return await run(input);
      } finally {
        clearInterval(timer);
      }
    },
  ]);
  return Object.fromEntries(wrapped) as A;
}
