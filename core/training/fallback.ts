/**
 * What follows an attempt of a step that may run on several backends, and that did not succeed.
 *
 *     attempt failed, lost ──▶ again here, `attemptsMax` times ──▶ the next backend
 *     quota, stock-out     ──▶ the next backend ──▶ at the end of the list: wait, begin again
 *     backend unusable     ──▶ the next backend, and never this one again
 *     anything else        ──▶ the step fails
 *
 * The rule is asked only once the attempt's remote state is known to be terminal; whoever cannot tell
 * that fails the step instead of asking.
 */
import type { ErrorCode } from '../errors.ts';

/** One attempt that did not succeed. */
export interface WorkSetback {
  readonly backend: string;
  readonly code: ErrorCode;
  readonly reason: string;
}

export type FallbackMove =
  /** Another attempt at once, on the same backend or on the next one. */
  | { readonly kind: 'retry' | 'move'; readonly backend: string }
  /** Another attempt after a durable timer. */
  | { readonly kind: 'wait'; readonly backend: string; readonly seconds: number }
  | { readonly kind: 'fail'; readonly code: ErrorCode; readonly reason: string };

/** First and longest wait for capacity, seconds; each is twice the one before. */
export const CAPACITY_WAIT_SECONDS_MIN = 60;
export const CAPACITY_WAIT_SECONDS_MAX = 900;

/** The work itself ended badly: the next attempt may do better, here or elsewhere. */
const FAILED: readonly ErrorCode[] = ['JOB_FAILED', 'JOB_LOST', 'PIPELINE_FAILED', 'TUNING_FAILED'];
/** There is no room now; there may be later. */
const SCARCE: readonly ErrorCode[] = ['QUOTA_EXCEEDED', 'CAPACITY_MISSING'];
/** This backend cannot do it until somebody acts, or did not answer for as long as calls are retried. */
const UNUSABLE: readonly ErrorCode[] = [
  'CREDENTIALS_INVALID',
  'ACCESS_DENIED',
  'BACKEND_UNAVAILABLE',
  'REPLY_MALFORMED',
  'HOST_AGENT_DOWN',
  'PORT_MISSING',
  'OPERATION_UNSUPPORTED',
  'VERSION_UNSUPPORTED',
];

/**
 * @param backends of the step in order, at least one
 * @param setbacks all so far, the newest last, at least one; each counts as an attempt
 * @param attemptsMax on each backend
 * @param waits how often the step has waited for capacity already
 */
export function nextMove(
  backends: readonly string[],
  setbacks: readonly WorkSetback[],
  attemptsMax: number,
  waits: number,
): FallbackMove {
  const last = setbacks.at(-1);
  if (last === undefined) return { kind: 'move', backend: backends[0] ?? '' };
  const spent = (backend: string) => isSpent(backend, setbacks, attemptsMax);
  const fail = {
    kind: 'fail',
    code: last.code,
    reason: told(backends, setbacks, attemptsMax),
  } as const;
  if (![...FAILED, ...SCARCE, ...UNUSABLE].includes(last.code)) return fail;
  if (FAILED.includes(last.code) && !spent(last.backend))
    return { kind: 'retry', backend: last.backend };
  const at = backends.indexOf(last.backend);
  const next = backends.slice(at + 1).find((backend) => !spent(backend));
  if (next !== undefined) return { kind: 'move', backend: next };
  const first = backends.find((backend) => !spent(backend));
  if (first === undefined) return fail;
  const seconds = Math.min(CAPACITY_WAIT_SECONDS_MAX, CAPACITY_WAIT_SECONDS_MIN * 2 ** waits);
  return { kind: 'wait', backend: first, seconds };
}

/** Whether a backend gets no further attempt. */
function isSpent(backend: string, setbacks: readonly WorkSetback[], attemptsMax: number): boolean {
  const own = setbacks.filter((setback) => setback.backend === backend);
  return own.length >= attemptsMax || own.some(({ code }) => UNUSABLE.includes(code));
}

/** Why it failed: the last setback, or with several backends that of each. */
function told(
  backends: readonly string[],
  setbacks: readonly WorkSetback[],
  attemptsMax: number,
): string {
  const reasons = backends.flatMap((backend) => {
    const own = setbacks.filter((setback) => setback.backend === backend);
    const last = own.at(-1);
    if (last === undefined) return [];
    const counted = FAILED.includes(last.code) ? `attempt ${own.length} of ${attemptsMax}: ` : '';
    return [{ backend, reason: `${counted}${last.reason}` }];
  });
  if (backends.length === 1) return reasons[0]?.reason ?? '';
  return reasons.map(({ backend, reason }) => `${backend}: ${reason}`).join('; ');
}
