import { Context } from '@temporalio/activity';
import type { JobPhase } from '../core/ports/compute.ts';

/** Longest wait for news in one call, so that heartbeats go out in between. */
export const WAIT_MS_MAX = 1000;

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
  let since = -1;
  for (;;) {
    const reading = await read({ since, waitMs: WAIT_MS_MAX });
    since = reading.revision;
    context.heartbeat(beat(reading));
    if (reading.phase !== 'pending' && reading.phase !== 'running') return reading;
    // Rejects with CancelledFailure once the workflow, or the worker's shutdown, cancels.
    if (context.cancellationSignal.aborted) await context.cancelled;
  }
}
