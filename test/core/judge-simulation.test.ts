import { describe, expect, it } from '@jest/globals';
import { JUDGE_POLICY_DEFAULT } from '../../core/rollout/judge.ts';
import { simulate, uniformOf } from './simulated-traffic.ts';
import type { Outcome, Second } from './simulated-traffic.ts';

/** Runs of each healthy scenario; a sweep of 9,000 runs of the same kind condemned none. */
const HEALTHY_RUNS = 10;

const forSeconds = (seconds: number, make: (second: number) => Second): Second[] =>
  Array.from({ length: seconds }, (_, second) => make(second));

const healthy = (requestsPerSecond: number, share: number, weightPercent: number): Second => ({
  requestsPerSecond,
  weightPercent,
  errorShare: { canary: share, stable: share },
});

const repeat = (runs: number, seed: number, run: (uniform: () => number) => Outcome): Outcome[] => {
  const uniform = uniformOf(seed);
  return Array.from({ length: runs }, () => run(uniform));
};
const condemned = (outcomes: readonly Outcome[]): number =>
  outcomes.filter((outcome) => outcome.condemned).length;
const median = (outcomes: readonly Outcome[]): number =>
  outcomes.map(({ seconds }) => seconds).toSorted((a, b) => a - b)[outcomes.length >> 1] as number;

describe('the judge of a harmless canary', () => {
  const scenarios = [5, 50, 400].flatMap((rate) =>
    [0.001, 0.005, 0.02].map((share) => ({ rate, share })),
  );

  it('condemns at most as often as the error rate says, over steps of 1, 5, 20 and 50 %', () => {
    // At 0.05 rather than at the default 0.001, so that a judge that condemns too often is seen.
    const policy = { ...JUDGE_POLICY_DEFAULT, errorRate: 0.05 };
    const outcomes = scenarios.flatMap(({ rate, share }, seed) =>
      repeat(HEALTHY_RUNS, seed, (uniform) =>
        simulate(
          [1, 5, 20, 50].map((weight) => forSeconds(60, () => healthy(rate, share, weight))),
          policy,
          uniform,
        ),
      ),
    );
    expect(condemned(outcomes)).toBeLessThanOrEqual(policy.errorRate * outcomes.length);
  });

  it('condemns none at the default error rate through an incident that hits both arms', () => {
    const outcomes = scenarios.flatMap(({ rate, share }, seed) =>
      repeat(HEALTHY_RUNS, 100 + seed, (uniform) =>
        simulate(
          [1, 5, 20, 50].map((weight) =>
            forSeconds(60, (second) =>
              healthy(rate, second >= 20 && second < 40 ? 0.4 : share, weight),
            ),
          ),
          JUDGE_POLICY_DEFAULT,
          uniform,
        ),
      ),
    );
    // With chance 0.001 each, two or more of 90 would have a chance of 0.4 %.
    expect(condemned(outcomes)).toBeLessThanOrEqual(1);
  });

  it('survives a clump of 200 slow requests in one or two ticks on the canary only', () => {
    const outcomes = repeat(60, 77, (uniform) => {
      const at = 20 + Math.floor(uniform() * 20);
      const length = uniform() < 0.5 ? 1 : 2;
      return simulate(
        [1, 5, 20].map((weight) =>
          forSeconds(60, (second) => ({
            ...healthy(400, 0.01, weight),
            slowClump: weight === 5 && second >= at && second < at + length ? 200 : 0,
          })),
        ),
        JUDGE_POLICY_DEFAULT,
        uniform,
      );
    });
    expect(condemned(outcomes)).toBe(0);
  });
});

describe('the judge of a harmful canary', () => {
  const harmful = (weightPercent: number, canary: number): Second => ({
    requestsPerSecond: 400,
    weightPercent,
    errorShare: { canary, stable: 0.01 },
  });
  const delays = (healthySeconds: number, harm: Second, runs = 60): Outcome[] =>
    repeat(runs, 5, (uniform) => {
      const before = forSeconds(healthySeconds, () => healthy(400, 0.01, harm.weightPercent));
      const steps = [[...before, ...forSeconds(600, () => harm)]];
      const outcome = simulate(steps, JUDGE_POLICY_DEFAULT, uniform);
      return { ...outcome, seconds: outcome.seconds - healthySeconds };
    });

  it('condemns 15 % errors at 1 % of 400 requests a second within 30 seconds in the median', () => {
    const outcomes = delays(0, harmful(1, 0.15));
    expect(condemned(outcomes)).toBe(outcomes.length);
    expect(median(outcomes)).toBeLessThanOrEqual(30);
  });

  it('condemns it within 60 seconds in the median after ten healthy minutes', () => {
    const outcomes = delays(600, harmful(1, 0.15), 20);
    expect(condemned(outcomes)).toBe(outcomes.length);
    expect(median(outcomes)).toBeLessThanOrEqual(60);
  });

  it('condemns twice the errors of the stable arm at 20 % within two minutes in the median', () => {
    expect(median(delays(0, harmful(20, 0.02), 20))).toBeLessThanOrEqual(120);
  });

  it('needs more ticks than ticksMin, however bad they are', () => {
    const outcomes = delays(0, harmful(50, 0.99));
    expect(Math.min(...outcomes.map(({ seconds }) => seconds))).toBeGreaterThan(
      JUDGE_POLICY_DEFAULT.ticksMin,
    );
    expect(median(outcomes)).toBeLessThanOrEqual(JUDGE_POLICY_DEFAULT.ticksMin + 3);
  });
});
