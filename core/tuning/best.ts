import type { TuningObjective } from '../ports/tuning.ts';

interface Valued {
  readonly phase: string;
  readonly value: number | null;
}

/** Whether the first value is strictly better. */
export function isBetter(objective: TuningObjective, value: number, than: number): boolean {
  return objective.goal === 'maximize' ? value > than : value < than;
}

/**
 * The best trial that has a value and did not fail; of equal ones the first, so that the answer does
 * not depend on when somebody looked. Null while none has a value.
 */
export function bestTrial<Trial extends Valued>(
  trials: readonly Trial[],
  objective: TuningObjective,
): Trial | null {
  let best: Trial | null = null;
  for (const trial of trials) {
    if (trial.value === null || (trial.phase !== 'succeeded' && trial.phase !== 'stopped'))
      continue;
    if (best === null || isBetter(objective, trial.value, best.value as number)) best = trial;
  }
  return best;
}
