import { expect, it } from '@jest/globals';
import { seededRandom, xoshiro128 } from '../../kernels/statistics/random.ts';

it('xoshiro128 gives the first numbers of the reference code from the state 1, 2, 3, 4', () => {
  const random = xoshiro128(Uint32Array.of(1, 2, 3, 4));
  expect(Array.from({ length: 10 }, random)).toEqual([
    641, 1573767, 3222811527, 3517856514, 836907274, 4247214768, 3867114732, 1355841295, 495546011,
    621204420,
  ]);
});

it('seededRandom repeats itself for a seed, differs for the next, and is spread evenly', () => {
  const draw = (seed: number): number[] => Array.from({ length: 4096 }, seededRandom(seed));
  const other = draw(8);
  expect(draw(7)).toEqual(draw(7));
  expect(draw(7).filter((value, index) => value === other[index])).toEqual([]);
  const mean = draw(7).reduce((sum, value) => sum + value / 2 ** 32, 0) / 4096;
  // The standard deviation of the mean of 4096 uniform numbers is 0.0045.
  expect(Math.abs(mean - 0.5)).toBeLessThan(0.02);
});
