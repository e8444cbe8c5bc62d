import { NO_COUNTS } from '../../core/rollout/counts.ts';
import type { ArmCounts, Tick } from '../../core/rollout/counts.ts';
import { addTick, judge, newJudge, nextStep } from '../../core/rollout/judge.ts';
import type { JudgePolicy } from '../../core/rollout/judge.ts';
import { seededRandom } from '../../kernels/statistics/random.ts';

/** What one second of a simulated route looks like. Rates per second, shares 0–1. */
export interface Second {
  readonly requestsPerSecond: number;
  readonly weightPercent: number;
  readonly errorShare: { readonly canary: number; readonly stable: number };
  /** Slow requests that fall on the canary at once. */
  readonly slowClump?: number;
}

export interface Outcome {
  readonly condemned: boolean;
  /** Seconds until the judge condemned, or the whole run. */
  readonly seconds: number;
  readonly reason: string;
}

/** Uniform numbers in (0, 1], so that their logarithm is finite. */
export type Uniform = () => number;

export function uniformOf(seed: number): Uniform {
  const random = seededRandom(seed);
  return () => (random() + 1) / 2 ** 32;
}

/** Runs a rollout whose steps are lists of seconds until it is condemned or over. */
export function simulate(
  steps: readonly (readonly Second[])[],
  policy: JudgePolicy,
  uniform: Uniform,
): Outcome {
  let state = newJudge(policy);
  let seconds = 0;
  for (const step of steps) {
    state = nextStep(state);
    for (const second of step) {
      seconds += 1;
      state = addTick(state, drawTick(second, uniform), policy);
      const verdict = judge(state, policy);
      if (verdict.kind === 'condemn') {
        return { condemned: true, seconds, reason: verdict.reasons.join('; ') };
      }
    }
  }
  return { condemned: false, seconds, reason: '' };
}

function drawTick(second: Second, uniform: Uniform): Tick {
  const { requestsPerSecond, weightPercent, errorShare, slowClump = 0 } = second;
  const canaryRequests = binomial(requestsPerSecond, weightPercent / 100, uniform);
  const canary = arm(canaryRequests, errorShare.canary, uniform);
  return {
    seconds: 1,
    canary: {
      ...canary,
      requests: canary.requests + slowClump,
      slow: canary.slow + slowClump,
    },
    stable: arm(requestsPerSecond - canaryRequests, errorShare.stable, uniform),
  };
}

/** Slow requests are drawn at the rate of errors, so that each metric has its own noise. */
function arm(requests: number, share: number, uniform: Uniform): ArmCounts {
  return {
    ...NO_COUNTS,
    requests,
    errors: binomial(requests, share, uniform),
    slow: binomial(requests, share, uniform),
  };
}

/** Counts successes by the geometric gaps between them (Devroye, 1986, chapter X.4.3). */
function binomial(trials: number, share: number, uniform: Uniform): number {
  const logMiss = Math.log1p(-share);
  let [position, successes] = [0, 0];
  for (;;) {
    position += Math.floor(Math.log(uniform()) / logMiss) + 1;
    if (position > trials) return successes;
    successes += 1;
  }
}
