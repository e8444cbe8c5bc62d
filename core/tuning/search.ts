import type { TuningSpec } from '../ports/tuning.ts';

/** As far as the next step depends on it. */
interface Trial {
  readonly phase: string;
  readonly reason: string;
}

export type SearchMove =
  /** So many further trials begin now. */
  | { readonly kind: 'start'; readonly count: number }
  /** Until a trial that runs has ended. */
  | { readonly kind: 'wait' }
  | { readonly kind: 'end'; readonly reason: string }
  /** Whatever runs is to be stopped. */
  | { readonly kind: 'fail'; readonly reason: string };

/**
 * What a search of our own does next: up to `parallelMax` trials at once, until every point has been
 * tried or more than `failedMax` trials have failed.
 *
 * @param points how many points are to be tried
 * @param trials all so far, those that run included
 */
export function nextTrials(
  { parallelMax, failedMax }: Pick<TuningSpec, 'parallelMax' | 'failedMax'>,
  points: number,
  trials: readonly Trial[],
): SearchMove {
  const failed = trials.filter(({ phase }) => phase === 'failed');
  if (failed.length > failedMax) {
    const reason = `${failed.length} trials failed, ${failedMax} may; the last: ${failed.at(-1)?.reason}`;
    return { kind: 'fail', reason };
  }
  const running = trials.filter(({ phase }) => phase === 'running').length;
  const left = points - trials.length;
  const count = Math.min(left, parallelMax - running);
  if (count > 0) return { kind: 'start', count };
  if (running > 0) return { kind: 'wait' };
  return { kind: 'end', reason: `all ${points} points were tried` };
}
