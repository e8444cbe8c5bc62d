import { describe, expect, it } from '@jest/globals';
import {
  afterStepBegins,
  afterTick,
  LOG_EVIDENCE_AT_START,
  logMean,
} from '../../core/rollout/evidence.ts';

/** Mean of a function over every sequence of fair coin tosses of a length. */
function meanOverTosses(length: number, value: (tosses: readonly boolean[]) => number): number {
  const sequences = 2 ** length;
  let sum = 0;
  for (let bits = 0; bits < sequences; bits += 1) {
    sum += value(Array.from({ length }, (_, index) => ((bits >> index) & 1) === 1));
  }
  return sum / sequences;
}

/** The likelihood ratio of a coin that falls heads with 0.7 against a fair one, as a logarithm. */
const logRatio = (heads: boolean): number => Math.log(heads ? 1.4 : 0.6);

describe('evidence', () => {
  it('has a mean of at most 1 over all outcomes of a fair coin, at every length and step', () => {
    for (const stepEvery of [1, 3, 100]) {
      for (const length of [1, 4, 9]) {
        const mean = meanOverTosses(length, (tosses) =>
          Math.exp(evidenceOf(tosses, stepEvery, Infinity)),
        );
        expect(mean).toBeLessThanOrEqual(1);
        expect(mean).toBeGreaterThan(0.45);
      }
    }
  });

  it('ever reaches 1/α in at most α of all outcomes of a fair coin', () => {
    for (const alpha of [0.2, 0.05]) {
      const share = meanOverTosses(11, (tosses) =>
        tosses.some(
          (_, index) => evidenceOf(tosses.slice(0, index + 1), 5, Infinity) >= Math.log(1 / alpha),
        )
          ? 1
          : 0,
      );
      expect(share).toBeLessThanOrEqual(alpha);
    }
  });

  it('stays below k times the cap after k ticks, whatever they hold', () => {
    for (let ticks = 1; ticks <= 20; ticks += 1) {
      const evidence = evidenceOf(
        Array.from({ length: ticks }, () => true),
        1,
        0.1,
      );
      expect(evidence).toBeLessThanOrEqual(ticks * 0.1);
    }
  });

  it('loses no more than a logarithm to a long healthy past', () => {
    const past = Array.from({ length: 2000 }, (_, index) => index % 2 === 0);
    const harm = Array.from({ length: 100 }, () => true);
    const [fresh, late] = [
      evidenceOf(harm, 1e9, Infinity),
      evidenceOf([...past, ...harm], 1e9, Infinity),
    ];
    expect(fresh - late).toBeLessThan(2 * Math.log(past.length) + 2);
  });
});

function evidenceOf(tosses: readonly boolean[], stepEvery: number, cap: number): number {
  let [log, steps] = [LOG_EVIDENCE_AT_START, 1];
  tosses.forEach((heads, index) => {
    if (index > 0 && index % stepEvery === 0) {
      steps += 1;
      log = afterStepBegins(log, steps);
    }
    log = afterTick(log, logRatio(heads), cap, index + 1);
  });
  return log;
}

describe('logMean', () => {
  it('is the logarithm of the mean, also where the numbers themselves overflow', () => {
    expect(logMean([Math.log(1), Math.log(3)])).toBeCloseTo(Math.log(2), 12);
    expect(logMean([5000, 5000])).toBe(5000);
    expect(logMean([-5000, -5000])).toBe(-5000);
  });
});
