import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { createRandom } from '../../backends/sim/random.ts';

const DRAWS = 20_000;
const draws = (draw: () => number): number[] => Array.from({ length: DRAWS }, draw);
const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
const variance = (values: readonly number[]): number => {
  const middle = mean(values);
  return mean(values.map((value) => (value - middle) ** 2));
};

describe('createRandom', () => {
  it('repeats a stream for the same seed and name', () => {
    const once = draws(createRandom(7, 'requests').next);
    expect(draws(createRandom(7, 'requests').next)).toEqual(once);
  });

  it('gives another stream for another seed or another name', () => {
    const first = createRandom(7, 'requests').next();
    expect(createRandom(8, 'requests').next()).not.toBe(first);
    expect(createRandom(7, 'scores').next()).not.toBe(first);
  });

  it('draws uniform and normal numbers of the right mean and variance', () => {
    const uniform = draws(createRandom(1, 'uniform').next);
    expect(mean(uniform)).toBeCloseTo(0.5, 1);
    expect(variance(uniform)).toBeCloseTo(1 / 12, 2);
    const normal = draws(createRandom(1, 'normal').normal);
    expect(Math.abs(mean(normal))).toBeLessThan(0.03);
    expect(Math.abs(variance(normal) - 1)).toBeLessThan(0.05);
  });

  // Both sides of the border between exact draws and the normal approximation.
  it.each([0.5, 5, 29, 31, 400])('draws Poisson counts of mean and variance %d', (expected) => {
    const random = createRandom(1, `poisson/${expected}`);
    const counts = draws(() => random.poisson(expected));
    expect(Math.abs(mean(counts) - expected)).toBeLessThan(5 * Math.sqrt(expected / DRAWS));
    expect(Math.abs(variance(counts) / expected - 1)).toBeLessThan(0.1);
  });

  it.each([
    [10, 0.3],
    [1000, 0.001],
    [100, 0.9],
    [500, 0.5],
  ])('draws binomial counts of %d trials at %d', (trials, probability) => {
    const random = createRandom(1, `binomial/${trials}/${probability}`);
    const counts = draws(() => random.binomial(trials, probability));
    const spread = trials * probability * (1 - probability);
    expect(Math.abs(mean(counts) - trials * probability)).toBeLessThan(
      5 * Math.sqrt(spread / DRAWS),
    );
    expect(Math.abs(variance(counts) / spread - 1)).toBeLessThan(0.1);
  });

  it('keeps binomial counts between 0 and the number of trials', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.nat(5000),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (seed, trials, probability) => {
          const count = createRandom(seed, 'property').binomial(trials, probability);
          return Number.isInteger(count) && count >= 0 && count <= trials;
        },
      ),
    );
  });
});
