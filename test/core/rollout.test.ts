import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ArmCounters } from '../../core/ports/metrics.ts';
import { addCounts, countsBetween, NO_COUNTS } from '../../core/rollout/counts.ts';
import {
  checkSplit,
  nextMove,
  planRollout,
  STEPS_PERCENT_DEFAULT,
} from '../../core/rollout/ladder.ts';
import type { Verdict } from '../../core/rollout/judge.ts';

const fact = (champion: string | null) => ({
  generation: 3,
  champion,
  previous: null,
  challenger: null,
});

describe('planRollout', () => {
  it('compares with the champion where there is one, and goes to 100 % where there is none', () => {
    expect(planRollout(fact('v6'), STEPS_PERCENT_DEFAULT)).toEqual({
      kind: 'canary',
      stable: 'v6',
      stepsPercent: [1, 5, 20, 50, 100],
      reason: 'v6 serves: canary against it in 5 steps',
    });
    expect(planRollout(fact(null), STEPS_PERCENT_DEFAULT)).toMatchObject({
      kind: 'first',
      stepsPercent: [100],
    });
  });
});

describe('nextMove', () => {
  const plan = planRollout(fact('v6'), [1, 5, 100]);
  const verdict = (kind: Verdict['kind']): Verdict => ({ kind, reasons: ['one', 'two'] });

  it.each([
    ['advance', 0, { kind: 'shift', step: 1, weightPercent: 5 }],
    ['advance', 1, { kind: 'shift', step: 2, weightPercent: 100 }],
    ['advance', 2, { kind: 'promote' }],
    ['condemn', 0, { kind: 'rollback' }],
    ['condemn', 2, { kind: 'rollback' }],
    ['undecided', 1, { kind: 'ask' }],
    ['hold', 1, { kind: 'ask' }],
  ] as const)('after %s on step %i is %j', (kind, step, move) => {
    expect(nextMove(plan, step, verdict(kind))).toEqual({ ...move, reason: 'one; two' });
  });

  it('promotes a first version after its only step', () => {
    expect(nextMove(planRollout(fact(null), []), 0, verdict('advance')).kind).toBe('promote');
  });
});

describe('checkSplit', () => {
  const split = (...weights: number[]) =>
    weights.map((weightPercent, index) => ({ version: `v${index}`, weightPercent }));
  const check =
    (...weights: number[]) =>
    () =>
      checkSplit('fraud.eu', split(...weights));

  it.each([[[100]], [[0, 100]], [[100, 0]], [[1, 99]], [[33, 33, 34]]])('takes %j', (weights) => {
    expect(check(...weights)).not.toThrow();
  });

  it.each([
    [[-1, 101], 'v0 to -1 %'],
    [[101, -1], 'v0 to 101 %'],
    [[0, 101], 'v1 to 101 %'],
    [[33.3, 66.7], 'v0 to 33.3 %'],
    [[Number.NaN, 100], 'v0 to NaN %'],
    [[Infinity], 'v0 to Infinity %'],
  ])('refuses %j, because a weight is a whole number 0–100', (weights, text) => {
    expect(check(...weights)).toThrow(
      `Cannot shift "fraud.eu" ${text}: a weight is a whole number`,
    );
  });

  it.each([
    [[], 0],
    [[99], 99],
    [[50, 51], 101],
    [[0, 0], 0],
    [[100, 100], 200],
  ])('refuses %j, which does not add up to 100', (weights, sum) => {
    expect(check(...weights)).toThrow(`the weights add up to ${sum}, wanted 100`);
  });

  it('takes every split of whole percents that adds up to 100', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 100 }), (weight) => {
        expect(check(weight, 100 - weight)).not.toThrow();
      }),
    );
  });
});

describe('countsBetween', () => {
  const reading = (epoch: string, requests: number, errors = 0, slow = 0): ArmCounters => ({
    version: 'v1',
    epoch,
    requests,
    errors,
    slow,
  });

  it('gives what happened between two readings of one epoch', () => {
    expect(countsBetween(reading('a', 10, 1, 2), reading('a', 30, 4, 2))).toEqual({
      requests: 20,
      errors: 3,
      slow: 0,
    });
    expect(countsBetween(reading('a', 10), reading('a', 10))).toEqual(NO_COUNTS);
  });

  it.each([
    ['the first reading is missing', undefined, reading('a', 1)],
    ['the second reading is missing', reading('a', 1), undefined],
    ['the source began to count again', reading('a', 1), reading('b', 5)],
    ['requests fell', reading('a', 5), reading('a', 4)],
    ['errors fell', reading('a', 5, 1), reading('a', 6, 0)],
    ['slow requests fell', reading('a', 5, 0, 1), reading('a', 6, 0, 0)],
  ])('gives null when %s', (_, before, after) => {
    expect(countsBetween(before, after)).toBeNull();
  });
});

it('addCounts adds each count and leaves NO_COUNTS neutral', () => {
  const counts = { requests: 3, errors: 2, slow: 1 };
  expect(addCounts(counts, { requests: 1, errors: 1, slow: 1 })).toEqual({
    requests: 4,
    errors: 3,
    slow: 2,
  });
  expect(addCounts(counts, NO_COUNTS)).toEqual(counts);
});
