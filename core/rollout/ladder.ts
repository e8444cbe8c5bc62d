import { OrreryError } from '../errors.ts';
import type { ArmSpec } from '../ports/traffic.ts';
import type { ServingFact } from '../ports/models.ts';
import type { Verdict } from './judge.ts';

/** What a rollout in one region does, decided before it starts. */
export type RolloutPlan =
  | { readonly kind: 'first'; readonly stepsPercent: readonly [100]; readonly reason: string }
  | {
      readonly kind: 'canary';
      readonly stable: string;
      /** Shares of the canary, growing, the last 100. */
      readonly stepsPercent: readonly number[];
      readonly reason: string;
    };

export const STEPS_PERCENT_DEFAULT: readonly number[] = [1, 5, 20, 50, 100];

/** With a champion, a canary against it; without, there is nothing to compare with or to harm. */
export function planRollout(fact: ServingFact, stepsPercent: readonly number[]): RolloutPlan {
  if (fact.champion === null) {
    return { kind: 'first', stepsPercent: [100], reason: 'no version serves here yet' };
  }
  return {
    kind: 'canary',
    stable: fact.champion,
    stepsPercent,
    reason: `${fact.champion} serves: canary against it in ${stepsPercent.length} steps`,
  };
}

export type NextMove =
  | {
      readonly kind: 'shift';
      readonly step: number;
      readonly weightPercent: number;
      readonly reason: string;
    }
  | { readonly kind: 'promote'; readonly reason: string }
  | { readonly kind: 'rollback'; readonly reason: string }
  | { readonly kind: 'ask'; readonly reason: string };

/** What follows the verdict on step `step` (0-based index into the plan's steps). */
export function nextMove(plan: RolloutPlan, step: number, verdict: Verdict): NextMove {
  const reason = verdict.reasons.join('; ');
  switch (verdict.kind) {
    case 'condemn':
      return { kind: 'rollback', reason };
    case 'hold':
    case 'undecided':
      return { kind: 'ask', reason };
    case 'advance': {
      const weightPercent = plan.stepsPercent[step + 1];
      return weightPercent === undefined
        ? { kind: 'promote', reason }
        : { kind: 'shift', step: step + 1, weightPercent, reason };
    }
  }
}

/** @throws OrreryError WEIGHT_INVALID */
export function checkSplit(
  route: string,
  arms: readonly Pick<ArmSpec, 'version' | 'weightPercent'>[],
): void {
  for (const arm of arms) {
    if (!Number.isInteger(arm.weightPercent) || arm.weightPercent < 0 || arm.weightPercent > 100) {
      throw new OrreryError(
        'WEIGHT_INVALID',
        `Cannot shift "${route}" ${arm.version} to ${arm.weightPercent} %: a weight is a whole number 0–100`,
      );
    }
  }
  const sum = arms.reduce((total, arm) => total + arm.weightPercent, 0);
  if (sum !== 100) {
    throw new OrreryError(
      'WEIGHT_INVALID',
      `Cannot shift "${route}": the weights add up to ${sum}, wanted 100`,
    );
  }
}
