/**
 * What a rule believes about a spot market, from what it has seen of it.
 *
 * Spot capacity comes and goes in stretches, and both kinds of stretch are heavy-tailed: the longer
 * one has lasted, the longer it is likely to last still. A stretch is taken to follow Lomax's law:
 * it outlives age a with probability (s / (s + a))^α, so its chance to end in the next hour is
 * about α / (a + s) and falls with age. Markets differ, so there are several kinds; which kind this
 * one is, is believed with probabilities that Bayes' rule moves with every look. And markets
 * change: at a small rate the kind is drawn anew.
 */
export interface Stretch {
  /** Lomax's shape; the smaller, the heavier the tail. */
  readonly alpha: number;
  /** Lomax's scale in seconds: the age at which the chance to end has halved. */
  readonly scaleSeconds: number;
}

export interface MarketKind {
  /** While spot can be had. */
  readonly up: Stretch;
  /** While it cannot. */
  readonly down: Stretch;
}

const HOUR = 3600;

const stretch = (alpha: number, scaleHours: number): Stretch => ({
  alpha,
  scaleSeconds: scaleHours * HOUR,
});

/** Spot that lives for half an hour, for two hours and for much longer. */
const UP: readonly Stretch[] = [stretch(4, 1), stretch(2, 2), stretch(1.2, 6)];
/** Gaps of twenty minutes, of half an hour, of hours, and flicker that may turn into days. */
const DOWN: readonly Stretch[] = [stretch(4, 1), stretch(2, 0.6), stretch(1, 1), stretch(0.6, 0.5)];

export const MARKET_KINDS: readonly MarketKind[] = UP.flatMap((up) =>
  DOWN.map((down) => ({ up, down })),
);

/** Mean time after which the kind of a market is drawn anew. */
export const REGIME_SECONDS = 24 * HOUR;
/** Stretches longer than this count as this long where a mean is taken, which may be infinite. */
const STRETCH_MAX_SECONDS = 48 * HOUR;

/** Probability that a stretch of this age ends within so many seconds. */
export function endingChance(
  { alpha, scaleSeconds }: Stretch,
  age: number,
  within: number,
): number {
  return 1 - Math.pow((age + scaleSeconds) / (age + within + scaleSeconds), alpha);
}

/** Mean length of a stretch that is cut off at STRETCH_MAX_SECONDS. */
function meanSeconds({ alpha, scaleSeconds }: Stretch): number {
  const ratio = 1 + STRETCH_MAX_SECONDS / scaleSeconds;
  if (alpha === 1) return scaleSeconds * Math.log(ratio);
  return (scaleSeconds / (alpha - 1)) * (1 - Math.pow(ratio, 1 - alpha));
}

/** Probability that the kind of the market was drawn anew within so many seconds. */
export function regimeChance(seconds: number): number {
  return 1 - Math.exp(-seconds / REGIME_SECONDS);
}

function normal(weights: readonly number[]): number[] {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

/** Beliefs before anything but the first look is known; one for each of MARKET_KINDS, sum 1. */
export function firstBeliefs(available: boolean): readonly number[] {
  return normal(
    MARKET_KINDS.map(({ up, down }) => {
      const share = meanSeconds(up) / (meanSeconds(up) + meanSeconds(down));
      return available ? share : 1 - share;
    }),
  );
}

/**
 * Beliefs after one more look.
 *
 * @param was whether spot could be had before it
 * @param ageSeconds for how long that had been so
 * @param ended whether the stretch has ended with this look
 * @param lookSeconds from the look before to this one
 */
export function nextBeliefs(
  beliefs: readonly number[],
  was: boolean,
  ageSeconds: number,
  ended: boolean,
  lookSeconds: number,
): readonly number[] {
  const redrawn = regimeChance(lookSeconds);
  const age = seenAge(ageSeconds, lookSeconds);
  return normal(
    MARKET_KINDS.map((kind, index) => {
      const chance = endingChance(was ? kind.up : kind.down, age, lookSeconds);
      const before = (1 - redrawn) * (beliefs[index] ?? 0) + redrawn / MARKET_KINDS.length;
      return before * (ended ? chance : 1 - chance);
    }),
  );
}

/** Age of a stretch that has been seen for so long: it began half a look before it was first seen. */
export function seenAge(ageSeconds: number, lookSeconds: number): number {
  return Math.max(lookSeconds / 2, ageSeconds - lookSeconds / 2);
}
