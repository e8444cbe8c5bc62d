import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { KERNELS } from '../../kernels/all.ts';
import {
  evaluateScores,
  RESAMPLES_MAX,
  RESAMPLES_MIN,
} from '../../kernels/release/evaluate-scores.ts';
import type { ScoresEvaluation } from '../../kernels/release/evaluate-scores.ts';

type Row = readonly [label: number, score: number];

const csv = (rows: readonly Row[]): Uint8Array =>
  Buffer.from(['label,score', ...rows.map((row) => row.join(','))].join('\n') + '\n');

const SETTINGS = { confidence: 0.95, resamples: 200, seed: 1 };
const evaluate = (candidate: readonly Row[], champion: readonly Row[] | null): ScoresEvaluation =>
  evaluateScores({
    candidate: csv(candidate),
    champion: champion === null ? null : csv(champion),
    ...SETTINGS,
  });

/**
 * Rows from the linear congruential generator of Numerical Recipes, which the Python side of the
 * vectors uses too: s ← (1664525 s + 1013904223) mod 2^32, two numbers a row; label = u < prevalence,
 * score = floor((0.4 label + v) 10^decimals) / 10^decimals.
 */
function lcgRows(count: number, seed: number, decimals: number, prevalence: number): Row[] {
  let state = seed;
  const next = (): number => {
    state = (Math.imul(1664525, state) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return Array.from({ length: count }, () => {
    const label = next() < prevalence ? 1 : 0;
    return [label, Math.floor((0.4 * label + next()) * 10 ** decimals) / 10 ** decimals] as const;
  });
}

describe('average precision', () => {
  // sklearn.metrics.average_precision_score of scikit-learn 1.9.1 on the same rows.
  it.each([
    [1000, 1, 6, 0.1, 111, 0.6514069750683703],
    [1000, 2, 1, 0.1, 112, 0.5817075891551745],
    [5000, 3, 2, 0.02, 91, 0.47054256836744135],
    [200, 4, 0, 0.5, 114, 0.75859649122807],
  ])('of %i rows with seed %i and %i decimals is that of scikit-learn', (...vector) => {
    const [count, seed, decimals, prevalence, positives, value] = vector;
    const result = evaluate(lcgRows(count, seed, decimals, prevalence), null);
    expect(result.positives).toBe(positives);
    expect(result.candidate.value).toBeCloseTo(value, 12);
  });

  // scikit-learn 1.9.1 again; the first is the example of its documentation.
  it.each([
    [
      [
        [0, 0.1],
        [0, 0.4],
        [1, 0.35],
        [1, 0.8],
      ],
      0.8333333333333333,
    ],
    [
      [
        [1, 0.5],
        [0, 0.5],
        [1, 0.5],
        [0, 0.5],
      ],
      0.5,
    ],
    [
      [
        [1, 0.9],
        [1, 0.8],
        [0, 0.2],
        [0, 0.1],
      ],
      1,
    ],
    [
      [
        [0, 0.9],
        [1, 0.1],
      ],
      0.5,
    ],
    [
      [
        [1, 0.9],
        [0, 0.9],
        [1, 0.5],
        [0, 0.5],
        [1, 0.1],
      ],
      0.5333333333333333,
    ],
    [
      [
        [1, 0.3],
        [1, 0.2],
      ],
      1,
    ],
    [
      [
        [0, 3],
        [0, 2],
        [0, 1],
        [1, 0],
      ],
      0.25,
    ],
  ] as [Row[], number][])('of %j is %d', (rows, value) => {
    expect(evaluate(rows, null).candidate.value).toBeCloseTo(value, 14);
  });

  it('stays in 0–1, its interval holds it, and the order of rows does not matter', () => {
    const row = fc.tuple(fc.integer({ min: 0, max: 1 }), fc.integer({ min: -5, max: 5 }));
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 40 }), (rows) => {
        fc.pre(rows.some(([label]) => label === 1));
        const { candidate } = evaluate(rows, null);
        expect(candidate.low).toBeGreaterThanOrEqual(0);
        expect(candidate.low).toBeLessThanOrEqual(candidate.value);
        expect(candidate.value).toBeLessThanOrEqual(candidate.high);
        expect(candidate.high).toBeLessThanOrEqual(1);
        expect(evaluate(rows.toReversed(), null).candidate.value).toBeCloseTo(candidate.value, 14);
      }),
      { numRuns: 30 },
    );
  });
});

describe('the difference of two models', () => {
  it('is exactly 0 for scores that rank alike', () => {
    const row = fc.tuple(fc.integer({ min: 0, max: 1 }), fc.integer({ min: -5, max: 5 }));
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 40 }), (rows) => {
        fc.pre(rows.some(([label]) => label === 1));
        const doubled = rows.map(([label, score]) => [label, 2 * score + 3] as const);
        expect(evaluate(rows, doubled).difference).toEqual({ value: 0, low: 0, high: 0 });
      }),
      { numRuns: 30 },
    );
  });

  it('changes its sign when the models change places', () => {
    const strong = lcgRows(400, 5, 4, 0.2);
    const weak = strong.map(([label, score]) => [label, score - 0.3 * label] as const);
    const [ahead, behind] = [evaluate(strong, weak), evaluate(weak, strong)];
    expect(ahead.difference?.low).toBeGreaterThan(0);
    expect(behind.difference?.high).toBeLessThan(0);
    expect(ahead.difference?.value).toBe(-(behind.difference?.value ?? 0));
    expect(ahead.champion).toEqual(behind.candidate);
  });

  it('has a narrower interval than its parts, because the resamples are paired', () => {
    const rows = lcgRows(2000, 6, 6, 0.1);
    const near = rows.map(([label, score], index) => [label, score + (index % 7) * 0.002] as const);
    const { candidate, difference } = evaluate(rows, near);
    const width = (interval: { low: number; high: number } | null): number =>
      interval === null ? Infinity : interval.high - interval.low;
    expect(width(difference)).toBeLessThan(width(candidate) / 4);
  });
});

describe('evaluateScores', () => {
  const rows = lcgRows(300, 7, 3, 0.1);

  it('gives the same for the same seed and another interval for another', () => {
    const again = (seed: number): ScoresEvaluation =>
      evaluateScores({ candidate: csv(rows), champion: null, ...SETTINGS, seed });
    expect(again(1)).toEqual(again(1));
    expect(again(1).candidate.low).not.toBe(again(2).candidate.low);
  });

  it('covers the score of a large sample about as often as its level says', () => {
    // For 100 runs at 95 % the standard deviation is 2.2 runs, and 86 is four below 95.
    const truth = evaluate(lcgRows(30_000, 99, 6, 0.2), null).candidate.value;
    let covered = 0;
    for (let run = 0; run < 100; run += 1) {
      const rows = csv(lcgRows(300, 1000 + 7919 * run, 6, 0.2));
      const settings = { ...SETTINGS, resamples: RESAMPLES_MIN };
      const { candidate } = evaluateScores({ candidate: rows, champion: null, ...settings });
      if (candidate.low <= truth && truth <= candidate.high) covered += 1;
    }
    expect(covered).toBeGreaterThan(86);
  });

  it('draws again until a positive row is in the resample', () => {
    const { candidate } = evaluate(
      [
        [1, 0.5],
        [0, 0.1],
        [0, 0.2],
      ],
      null,
    );
    expect(candidate).toEqual({ value: 1, low: 1, high: 1 });
  });

  it('takes its input and gives its result as clones', () => {
    const input = structuredClone({ candidate: csv(rows), champion: csv(rows), ...SETTINGS });
    const result = KERNELS.evaluateScores(input);
    expect(structuredClone(result)).toEqual(result);
  });

  it('reads lines that end in CRLF, and labels in decimal form', () => {
    const candidate = Buffer.from('label,score\r\n1.0,1e-1\r\n0.0,.05\r\n');
    expect(evaluateScores({ candidate, champion: null, ...SETTINGS }).rows).toBe(2);
  });

  it.each([
    ['', 'line 1 is not the header'],
    ['score,label\n', 'line 1 is not the header'],
    ['label,score\n', 'no label is 1'],
    ['label,score\n0,0.5\n', 'no label is 1'],
    ['label,score\n1\n', 'line 2 is not two decimal numbers'],
    ['label,score\n1,0.5\n\n1,0.5\n', 'line 3 is not two decimal numbers'],
    ['label,score\n1,\n', 'line 2 is not two decimal numbers'],
    ['label,score\n1,NaN\n', 'line 2 is not two decimal numbers'],
    ['label,score\n1,1e999\n', 'the score on line 2 is not finite'],
    ['label,score\n2,0.5\n', 'the label on line 2 is not 0 or 1'],
    ['label,score\n1,0.5,0.5\n', 'line 2 is not two decimal numbers'],
  ])('refuses %j because %s', (text, message) => {
    expect(() =>
      evaluateScores({ candidate: Buffer.from(text), champion: null, ...SETTINGS }),
    ).toThrow(message);
  });

  it('refuses a champion of other rows', () => {
    const swapped = rows.map(([label, score], index) => [index === 4 ? 1 - label : label, score]);
    expect(() => evaluate(rows, swapped as unknown as Row[])).toThrow(
      'the label on line 6 differs',
    );
    expect(() => evaluate(rows, rows.slice(1))).toThrow('it has 299 rows and the candidate 300');
  });

  it.each([RESAMPLES_MIN - 1, RESAMPLES_MAX + 1, 200.5])('refuses %d resamples', (resamples) => {
    expect(() =>
      evaluateScores({ candidate: csv(rows), champion: null, ...SETTINGS, resamples }),
    ).toThrow(`wanted ${RESAMPLES_MIN}–${RESAMPLES_MAX}`);
  });

  it.each([0, 1, Number.NaN])('refuses a level of %d', (confidence) => {
    expect(() =>
      evaluateScores({ candidate: csv(rows), champion: null, ...SETTINGS, confidence }),
    ).toThrow('a level lies between 0 and 1');
  });
});
