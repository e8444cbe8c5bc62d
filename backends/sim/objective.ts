import { digestOf } from '../../core/canonical.ts';
import type { JobParam } from '../../core/ports/compute.ts';
import type { FullScript } from './settings.ts';

type Params = Readonly<Record<string, JobParam>>;

/**
 * What a program of this world scores with its parameters, 0–1, larger is better: exp(−Σ d²), where
 * d is the distance from the optimum in decades for numbers above 0, and 0 or 1 for words.
 */
export function scoreOf(script: FullScript, params: Params): number {
  const { optimum } = script.objective;
  const names = Object.keys(optimum);
  if (names.length === 0) {
    return Number.parseInt(digestOf([script.seed, params]).slice(0, 8), 16) / 2 ** 32;
  }
  const distance = names.reduce((sum, name) => {
    const [best, is] = [optimum[name], params[name]];
    const far =
      typeof best === 'number' && typeof is === 'number'
        ? Math.log10(Math.max(is, Number.MIN_VALUE) / best)
        : Number(is !== best);
    return sum + far ** 2;
  }, 0);
  return Math.exp(-distance);
}

/** What a program tells of itself after a share of its work, 0–1. */
export function metricsAt(
  script: FullScript,
  params: Params,
  share: number,
): Readonly<Record<string, number>> {
  const score = scoreOf(script, params) * share;
  return { score, loss: 1 - score };
}
