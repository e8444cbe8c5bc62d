import type { LifecycleState } from '../../core/lifecycle/state.ts';
import type { RolloutState, StepSummary } from '../../core/rollout/request.ts';

/** A lifecycle in the middle of its life, with changes. */
export function lifecycleState(changes: Partial<LifecycleState> = {}): LifecycleState {
  return {
    model: 'fraud',
    version: 'v7',
    stage: 'release',
    paused: false,
    gates: [{ stage: 'data', passed: true, reason: '1000 rows, 30 positives' }],
    cost: { usd: 1.5, usdMax: 10, lines: [] },
    approval: null,
    region: 'eu',
    rollouts: [],
    outcome: null,
    reason: 'rolls out in eu',
    ...changes,
  };
}

export function rolloutState(changes: Partial<RolloutState> = {}): RolloutState {
  return {
    region: 'eu',
    stage: 'canary',
    champion: 'v6',
    weightPercent: 5,
    stepsPercent: [1, 5, 100],
    paused: false,
    question: null,
    steps: [],
    outcome: null,
    reason: '',
    leftovers: [],
    ...changes,
  };
}

export function stepSummary(reason: string): StepSummary {
  const counts = { requests: 100, errors: 1, slow: 2 };
  return {
    weightPercent: 1,
    verdict: 'advance',
    reason,
    seconds: 30,
    canary: counts,
    stable: counts,
  };
}
