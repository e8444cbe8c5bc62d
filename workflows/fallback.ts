import { sleep } from '@temporalio/workflow';
import type { ErrorCode } from '../core/errors.ts';
import { nextMove } from '../core/training/fallback.ts';
import type { WorkSetback } from '../core/training/fallback.ts';
import { failure } from './failures.ts';

/** How one attempt ended. It returns only when its remote state is terminal; otherwise it throws. */
export type Attempted<End> =
  | { readonly end: End }
  | {
      readonly setback: {
        readonly code: ErrorCode;
        readonly reason: string;
        /** Where its log is; absent when nothing came to run. */
        readonly logUri?: string;
      };
    };

export interface Walk<End> {
  /** The step, as a message names it. */
  readonly step: string;
  readonly backends: readonly string[];
  readonly attemptsMax: number;
  /** @param ordinal 1, 2, … over all backends, so that no two attempts have one key */
  readonly attempt: (backend: string, ordinal: number) => Promise<Attempted<End>>;
  /** Told of each setback, and of the wait that follows it. */
  readonly tell?: (setbacks: readonly WorkSetback[], waitSeconds: number | null) => void;
}

export interface Walked<End> {
  readonly end: End;
  readonly backend: string;
  readonly attempts: number;
  readonly setbacks: readonly WorkSetback[];
}

/** Tries a step on its backends in order until one attempt succeeds or none is left. */
export async function walkBackends<End>(walk: Walk<End>): Promise<Walked<End>> {
  const { step, backends, attemptsMax } = walk;
  const setbacks: WorkSetback[] = [];
  let waits = 0;
  let backend = backends[0] ?? '';
  for (let attempts = 1; ; attempts += 1) {
    const attempted = await walk.attempt(backend, attempts);
    if ('end' in attempted) return { end: attempted.end, backend, attempts, setbacks };
    const { code, reason, logUri } = attempted.setback;
    setbacks.push({ backend, code, reason });
    const move = nextMove(backends, setbacks, attemptsMax, waits);
    walk.tell?.([...setbacks], move.kind === 'wait' ? move.seconds : null);
    if (move.kind === 'fail') {
      // What a single far side said when it refused is a whole sentence already.
      const isSentence = backends.length === 1 && logUri === undefined;
      const log = logUri === undefined ? '' : ` (log: ${logUri})`;
      throw failure(move.code, isSentence ? move.reason : `Cannot ${step}: ${move.reason}${log}`);
    }
    if (move.kind === 'wait') {
      waits += 1;
      await sleep(`${move.seconds}s`, { summary: `waits for capacity to ${step}` });
    }
    backend = move.backend;
  }
}
