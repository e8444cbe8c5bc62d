import { OrreryError } from '../../core/errors.ts';
import type { Interval } from '../../core/release/evaluation.ts';
import { seededRandom } from '../statistics/random.ts';
import type { Random32 } from '../statistics/random.ts';
import { averagePrecision, rank } from './average-precision.ts';
import type { Ranking } from './average-precision.ts';
import { readScores, unreadable } from './read-scores.ts';

export interface ScoresInput {
  /** A `scores.csv` (header `label,score`) of the candidate. */
  readonly candidate: Uint8Array;
  /** The same rows in the same order, scored by the champion; null without one. */
  readonly champion: Uint8Array | null;
  /** Level of the intervals, between 0 and 1, such as 0.95. */
  readonly confidence: number;
  /** RESAMPLES_MIN–RESAMPLES_MAX */
  readonly resamples: number;
  readonly seed: number;
}

export interface ScoresEvaluation {
  readonly rows: number;
  readonly positives: number;
  /** Average precision. */
  readonly candidate: Interval;
  readonly champion: Interval | null;
  /** Candidate minus champion. */
  readonly difference: Interval | null;
}

export const RESAMPLES_MIN = 100;
export const RESAMPLES_MAX = 10_000;
/** Draws of one resample until it holds a positive row; 1 positive row makes e^−1 of draws empty. */
export const REDRAWS_MAX = 100;

const TWO_TO_32 = 2 ** 32;

/**
 * Average precision of a candidate, of the champion, and their difference, with percentile bootstrap
 * intervals (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13). Rows are
 * resampled with replacement, and both models see the same resample, so that what they share
 * cancels out of the difference. Each ranking is sorted once and reweighted by how often a row was
 * drawn. An interval that would leave out the measured value is widened to it: average precision of
 * a resample is biased upwards in small samples, and a report must not contradict itself.
 *
 * @throws OrreryError DATA_UNREADABLE for files that do not fit; REQUEST_INVALID for a level or a
 *   number of resamples out of range
 */
export function evaluateScores(input: ScoresInput): ScoresEvaluation {
  checkSettings(input);
  const { labels, scores } = readScores('candidate', input.candidate);
  const positives = labels.reduce((sum, label) => sum + label, 0);
  if (positives === 0) throw unreadable('candidate', 'no label is 1, wanted at least one');
  const rankings = [rank(labels, scores)];
  if (input.champion !== null) rankings.push(rankChampion(labels, input.champion));
  const [candidate, champion] = bootstrap(rankings, labels.length, input);
  const interval = (values: Measured): Interval => toInterval(values, input.confidence);
  return {
    rows: labels.length,
    positives,
    candidate: interval(candidate as Measured),
    champion: champion === undefined ? null : interval(champion),
    difference: champion === undefined ? null : interval(minus(candidate as Measured, champion)),
  };
}

/** A value and what the resamples made of it. */
interface Measured {
  readonly value: number;
  readonly resampled: Float64Array;
}

function checkSettings({ confidence, resamples }: ScoresInput): void {
  if (!(confidence > 0 && confidence < 1)) {
    throw new OrreryError(
      'REQUEST_INVALID',
      `Cannot evaluate at level ${confidence}: a level lies between 0 and 1`,
    );
  }
  if (!Number.isInteger(resamples) || resamples < RESAMPLES_MIN || resamples > RESAMPLES_MAX) {
    throw new OrreryError(
      'REQUEST_INVALID',
      `Cannot evaluate with ${resamples} resamples: wanted ${RESAMPLES_MIN}–${RESAMPLES_MAX}`,
    );
  }
}

function rankChampion(labels: Uint8Array, bytes: Uint8Array): Ranking {
  const champion = readScores('champion', bytes);
  if (champion.labels.length !== labels.length) {
    throw unreadable(
      'champion',
      `it has ${champion.labels.length} rows and the candidate ${labels.length}, wanted the same rows`,
    );
  }
  const different = champion.labels.findIndex((label, row) => label !== labels[row]);
  if (different >= 0) {
    throw unreadable(
      'champion',
      `the label on line ${different + 2} differs from the candidate's, wanted the same rows in the same order`,
    );
  }
  return rank(champion.labels, champion.scores);
}

function bootstrap(rankings: readonly Ranking[], rows: number, input: ScoresInput): Measured[] {
  const random = seededRandom(input.seed);
  const once = new Uint16Array(rows).fill(1);
  const weights = new Uint16Array(rows);
  const measured = rankings.map((ranking) => ({
    value: averagePrecision(ranking, once) as number,
    resampled: new Float64Array(input.resamples),
  }));
  for (let resample = 0; resample < input.resamples; resample += 1) {
    rankings.forEach((ranking, index) => {
      const score =
        index === 0
          ? drawWithPositive(ranking, weights, random)
          : averagePrecision(ranking, weights);
      (measured[index] as Measured).resampled[resample] = score as number;
    });
  }
  return measured;
}

/** Draws until a positive row is among the drawn, and leaves the weights of that draw. */
function drawWithPositive(ranking: Ranking, weights: Uint16Array, random: Random32): number {
  for (let draw = 0; draw < REDRAWS_MAX; draw += 1) {
    weights.fill(0);
    for (let drawn = 0; drawn < weights.length; drawn += 1) {
      // The highest bits choose the row; with n rows its chance is off by at most n / 2^32.
      const row = Math.floor((random() / TWO_TO_32) * weights.length);
      (weights[row] as number) += 1;
    }
    const score = averagePrecision(ranking, weights);
    if (score !== null) return score;
  }
  throw unreadable('candidate', `${REDRAWS_MAX} resamples in a row held no positive row`);
}

function minus(a: Measured, b: Measured): Measured {
  return {
    value: a.value - b.value,
    resampled: a.resampled.map((score, resample) => score - (b.resampled[resample] as number)),
  };
}

function toInterval({ value, resampled }: Measured, confidence: number): Interval {
  const sorted = resampled.toSorted();
  const tail = (1 - confidence) / 2;
  return {
    value,
    low: Math.min(value, quantile(sorted, tail)),
    high: Math.max(value, quantile(sorted, 1 - tail)),
  };
}

/** Linear interpolation between order statistics: type 7 of Hyndman and Fan (1996), as in NumPy. */
function quantile(sorted: Float64Array, share: number): number {
  const position = share * (sorted.length - 1);
  const below = Math.floor(position);
  const [low, high] = [sorted[below] as number, sorted[Math.min(below + 1, sorted.length - 1)]];
  return low + (position - below) * ((high as number) - low);
}
