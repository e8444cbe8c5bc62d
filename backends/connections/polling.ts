import { setTimeout as sleep } from 'node:timers/promises';
import { OrreryError } from '../../core/errors.ts';
import type { JobPhase } from '../../core/ports/compute.ts';

/** Where a phase stands in a life: a life goes up and never down. */
const RANK: Readonly<Record<JobPhase, number>> = {
  pending: 0,
  running: 1,
  succeeded: 2,
  failed: 2,
  cancelled: 2,
  lost: 2,
};
const RANK_UNIT = 1e9;
const TERMINAL_REVISION = RANK.succeeded * RANK_UNIT;

/**
 * A revision for far sides that keep none: first the phase counts, then `detail`, a whole number
 * that grows while the phase stays (steps done, tasks ended), at most 1e9 − 1.
 */
export function revisionFor(phase: JobPhase, detail = 0): number {
  return RANK[phase] * RANK_UNIT + Math.min(Math.max(Math.trunc(detail), 0), RANK_UNIT - 1);
}

export function isTerminal(phase: JobPhase): boolean {
  return RANK[phase] === RANK.succeeded;
}

/** How often a far side is asked while somebody waits, milliseconds. */
export interface Pace {
  readonly pollMs: number;
}

/** A reading of any kind of remote work. */
interface Reading {
  readonly phase: JobPhase;
  readonly revision: number;
}

/**
 * `read(handle, wait)` for a far side that can only be polled: answers once the revision exceeds
 * `since` or `waitMs` are over. Live work that seems to step back (a restart, a lagging replica) is
 * no news and keeps the revision; terminal work that lives again is STATE_CONTRADICTED.
 *
 * @throws OrreryError STATE_CONTRADICTED
 */
export async function waitForNews<R extends Reading>(
  read: () => Promise<R>,
  wait: { readonly since: number; readonly waitMs: number } | undefined,
  { pollMs }: Pace,
): Promise<R> {
  const until = Date.now() + (wait?.waitMs ?? 0);
  for (;;) {
    const reading = await read();
    if (wait === undefined || reading.revision > wait.since) return reading;
    if (wait.since >= TERMINAL_REVISION && !isTerminal(reading.phase)) {
      throw new OrreryError(
        'STATE_CONTRADICTED',
        `Cannot go on from a terminal state: the far side now says ${reading.phase} (${wait.since} → ${reading.revision})`,
      );
    }
    const leftMs = until - Date.now();
    if (leftMs <= 0) return { ...reading, revision: Math.max(reading.revision, wait.since) };
    await sleep(Math.min(pollMs, leftMs));
  }
}

/** How long one call of `stop` waits for the terminal state; the activity's retry waits on. */
export const STOP_WAIT_MS_MAX = 100_000;

/**
 * Stops remote work truthfully: reads, asks for the end unless it has come, and reads until it has.
 *
 * @param ask tells the far side to stop; must bear being told twice, and that the work ended meanwhile
 * @throws OrreryError BACKEND_UNAVAILABLE when the end does not come within `STOP_WAIT_MS_MAX`
 */
export async function stopAndRead<R extends Reading & { readonly reason: string }>(
  read: () => Promise<R>,
  ask: (reading: R) => Promise<void>,
  { pollMs }: Pace,
): Promise<R> {
  const until = Date.now() + STOP_WAIT_MS_MAX;
  let reading = await read();
  if (isTerminal(reading.phase)) return reading;
  await ask(reading);
  for (;;) {
    reading = await read();
    if (isTerminal(reading.phase)) return reading;
    if (Date.now() >= until) {
      throw new OrreryError(
        'BACKEND_UNAVAILABLE',
        `Cannot tell the end of work that was asked to stop ${STOP_WAIT_MS_MAX / 1000} s ago: it is still ${reading.phase} (${reading.reason})`,
      );
    }
    await sleep(pollMs);
  }
}
