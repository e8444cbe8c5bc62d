/**
 * Evidence of harm that began at an unknown moment.
 *
 * For a harm that began with tick k, the evidence after tick t is the product of the likelihood
 * ratios of ticks k … t. Each k gets a weight, and the weights add up to at most 1, so the weighted
 * sum of these products (plus the weights of moments yet to come) is a non-negative martingale that
 * starts at 1 under "no harm": Shiryaev's detector with a prior instead of a reset, a mixture
 * e-process. By Ville's inequality it ever reaches 1/α with probability at most α, at whatever time
 * one looks (Howard, Ramdas, McAuliffe and Sekhon, Probability Surveys 17, 2020, section 2; Shin,
 * Ramdas and Rinaldo, "E-detectors", NEJSDS 2, 2024, bound only the run length of detectors that
 * restart without weights). A long healthy past therefore costs a logarithm and buries nothing.
 *
 * Half of the weight goes to beginnings of steps, when traffic grows and harm most often starts:
 * 1 / (2 j (j + 1)) to step j. Half goes to ticks: 1 / (2 t (t + 1)) to tick t. Both series add up
 * to 1/2. The number that is kept includes the weight of the next tick, so that it is never 0 and
 * its logarithm, which is what JSON carries, always finite.
 */
export interface Ordinals {
  /** Ticks that carried evidence so far. */
  readonly ticks: number;
  /** Steps begun so far, 1 for the first. */
  readonly steps: number;
}

/** Natural logarithm of the evidence before anything was seen. */
export const LOG_EVIDENCE_AT_START = Math.log(weight(1) + weight(1));

/**
 * The evidence after one more tick.
 *
 * @param logEvidence natural logarithm
 * @param logRatio log-likelihood ratio of the tick
 * @param logRatioMax a larger one counts as this: a smaller factor keeps the bound valid, and no
 *   fewer than log(1/α) / logRatioMax ticks can then reach it, however large a clump they hold
 * @param ticks that carried evidence, this one included
 */
export function afterTick(
  logEvidence: number,
  logRatio: number,
  logRatioMax: number,
  ticks: number,
): number {
  return logSum(logEvidence + Math.min(logRatio, logRatioMax), Math.log(weight(ticks + 1)));
}

/** The evidence once step `steps` begins. */
export function afterStepBegins(logEvidence: number, steps: number): number {
  return logSum(logEvidence, Math.log(weight(steps)));
}

/** Logarithm of the mean of numbers that are given as logarithms. */
export function logMean(logs: readonly number[]): number {
  const top = Math.max(...logs);
  return top + Math.log(logs.reduce((sum, log) => sum + Math.exp(log - top), 0) / logs.length);
}

function logSum(a: number, b: number): number {
  return Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b)));
}

function weight(ordinal: number): number {
  return 1 / (2 * ordinal * (ordinal + 1));
}
