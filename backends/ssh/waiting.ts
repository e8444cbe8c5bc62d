import { setTimeout as sleep } from 'node:timers/promises';
import { isTerminal } from '../connections/polling.ts';
import type { Told } from './reading.ts';

/** Longest wait on the host in one call, milliseconds. */
const HOST_WAIT_MS_MAX = 20_000;

/** Asks the host, which answers once the revision exceeds `since`, or after `waitMs`. */
export type AskHost = (key: string, since: number, waitMs: number) => Promise<Told | null>;

interface Waiting {
  readonly since: number;
  readonly answer: Promise<Told | null>;
}

/**
 * Reads a job with a wait. A call to the host is a login, and watchers wait a second at a time: so one
 * question waits there for each job, for long, and short waits here share it. A wait that is over
 * without news is answered with what was told last, the same revision.
 */
export function createWaiting(ask: AskHost) {
  const last = new Map<string, Told>();
  const open = new Map<string, Waiting>();
  const remember = (key: string, told: Told | null) => {
    if (told === null || isTerminal(told.phase)) last.delete(key);
    else last.set(key, told);
    return told;
  };
  const question = (key: string, since: number): Promise<Told | null> => {
    const known = open.get(key);
    if (known?.since === since) return known.answer;
    const answer = ask(key, since, HOST_WAIT_MS_MAX)
      .then((told) => remember(key, told))
      .finally(() => {
        if (open.get(key)?.answer === answer) open.delete(key);
      });
    open.set(key, { since, answer });
    // Whoever waits hears it; a question that nobody waits for any more has nobody to tell.
    answer.catch(() => undefined);
    return answer;
  };
  return async (key: string, since = -1, waitMs = 0): Promise<Told | null> => {
    const told = last.get(key);
    // Without what this revision was, there is nothing to answer with when no news comes.
    if (waitMs === 0 || told?.revision !== since) {
      return remember(key, await ask(key, since, Math.min(waitMs, HOST_WAIT_MS_MAX)));
    }
    const over = new AbortController();
    try {
      const quiet = sleep(waitMs, told, { signal: over.signal }).catch(() => told);
      return await Promise.race([question(key, since), quiet]);
    } finally {
      over.abort();
    }
  };
}
