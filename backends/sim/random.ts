import { sha256Hex } from '../../core/canonical.ts';

/** A stream of draws that repeats for the same seed and name. */
export interface Random {
  /** Uniform on [0, 1). */
  next(): number;
  /** Standard normal. */
  normal(): number;
  /** Number of events of a Poisson process with this mean, at least 0. */
  poisson(mean: number): number;
  /** Successes in `trials` independent trials of this probability (0–1). */
  binomial(trials: number, probability: number): number;
}

/** Above this mean a normal approximation stands in for the exact draw, whose cost grows with it. */
const EXACT_MEAN_MAX = 30;

/**
 * xoshiro128** 1.1 (Blackman and Vigna, "Scrambled Linear Pseudorandom Number Generators", ACM TOMS
 * 47(4), 2021), with its 128 bits of state taken from SHA-256 of seed and stream name. A stream for
 * each purpose keeps one draw from shifting all others when a script changes.
 */
export function createRandom(seed: number, stream: string): Random {
  const digest = sha256Hex(new TextEncoder().encode(`${seed}/${stream}`));
  const state = [0, 8, 16, 24].map((at) => Number.parseInt(digest.slice(at, at + 8), 16) | 0) as [
    number,
    number,
    number,
    number,
  ];
  const next = (): number => {
    const result = Math.imul(rotateLeft(Math.imul(state[1], 5), 7), 9) >>> 0;
    const shifted = state[1] << 9;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = rotateLeft(state[3], 11);
    return result / 2 ** 32;
  };
  // Box and Muller, "A Note on the Generation of Random Normal Deviates" (1958).
  const normal = (): number =>
    Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  return {
    next,
    normal,
    poisson: (mean) => poisson(mean, next, normal),
    binomial: (trials, probability) => binomial(trials, probability, next, normal),
  };
}

function rotateLeft(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

/** Knuth, "The Art of Computer Programming", vol. 2, section 3.4.1, algorithm Q. */
function poisson(mean: number, next: () => number, normal: () => number): number {
  if (mean <= 0) return 0;
  if (mean > EXACT_MEAN_MAX) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal()));
  const limit = Math.exp(-mean);
  let events = 0;
  for (let product = next(); product > limit; product *= next()) events += 1;
  return events;
}

/** Waiting times between successes are geometric: Devroye, "Non-Uniform Random Variate Generation", X.4. */
function binomial(
  trials: number,
  probability: number,
  next: () => number,
  normal: () => number,
): number {
  if (trials <= 0 || probability <= 0) return 0;
  if (probability >= 1) return trials;
  if (probability > 0.5) return trials - binomial(trials, 1 - probability, next, normal);
  const mean = trials * probability;
  if (mean > EXACT_MEAN_MAX) {
    const drawn = Math.round(mean + Math.sqrt(mean * (1 - probability)) * normal());
    return Math.min(trials, Math.max(0, drawn));
  }
  const logMiss = Math.log1p(-probability);
  let successes = 0;
  for (let at = gap(next, logMiss); at <= trials; at += gap(next, logMiss)) successes += 1;
  return successes;
}

function gap(next: () => number, logMiss: number): number {
  return Math.floor(Math.log(1 - next()) / logMiss) + 1;
}
