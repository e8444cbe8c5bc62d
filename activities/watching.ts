import { Context } from '@temporalio/activity';
import type { JobPhase } from '../core/ports/compute.ts';

/** Longest wait for news in one call, so that heartbeats go out in between. */
export const WAIT_MS_MAX = 1000;

/** A slow far side must not look like a dead watcher: the last news is told this often anyway. */
const PULSE_MS = 1000;

/**
 * Runs a watch that heartbeats its news, and repeats the last news meanwhile, so that a missed
 * heartbeat means that the worker is gone and not that one answer is slow. The SDK sends no more of
 * them than the heartbeat timeout of the activity asks for.
 */
export async function withPulse<Result>(
  run: (tell: (news: unknown) => void) => Promise<Result>,
): Promise<Result> {
  const context = Context.current();
  let last: unknown = null;
  const timer = setInterval(() => context.heartbeat(last), PULSE_MS);
  try {
    return await run((news) => {
      last = news;
      context.heartbeat(news);
    });
  } finally {
    clearInterval(timer);
  }
}

interface Read {
  readonly phase: JobPhase;
  readonly revision: number;
}

/**
 * Reads remote work until it is over, heartbeating. A worker that goes away leaves the work alone;
 * the next attempt of the activity goes on watching.
 *
 * @param beat what a heartbeat carries
 */
export async function watchToEnd<Reading extends Read>(
  read: (wait: { since: number; waitMs: number }) => Promise<Reading>,
  beat: (reading: Reading) => unknown,
): Promise<Reading> {
  const context = Context.current();
  return withPulse(async (tell) => {
    for (let since = -1; ;) {
      const reading = await read({ since, waitMs: WAIT_MS_MAX });
      since = reading.revision;
      tell(beat(reading));
      if (reading.phase !== 'pending' && reading.phase !== 'running') return reading;
      // Rejects with CancelledFailure once the workflow, or the worker's shutdown, cancels.
      if (context.cancellationSignal.aborted) await context.cancelled;
    }
  });
}
