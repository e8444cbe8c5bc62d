/**
 * The median stopping rule: a trial is stopped at a step when its best value so far is strictly
 * worse than the median of the running averages that the completed trials had by that step.
 * Golovin et al., "Google Vizier: A Service for Black-Box Optimization", KDD 2017, §3.2.2.
 */
import type { TuningObjective } from '../ports/tuning.ts';
import { isBetter } from './best.ts';

/** What a trial had told by a step. */
export interface CurvePoint {
  readonly step: number;
  /** At this step. */
  readonly value: number;
  /** Best value up to and with this step. */
  readonly best: number;
  /** Average of all values up to and with this step, and how many they are. */
  readonly mean: number;
  readonly count: number;
}
/** Steps ascending. */
export type Curve = readonly CurvePoint[];

/** Fewer completed trials say too little (the default of Katib's `medianstop`). */
export const COMPLETED_TRIALS_MIN = 3;
/** A longer curve keeps every second point. */
export const CURVE_POINTS_MAX = 100;
/** Shares of a trial's steps at which it is decided whether it goes on. */
export const DECISION_SHARES: readonly number[] = [0.25, 0.5, 0.75];

/** The curve with one more value; a step that was told already adds nothing. */
export function addToCurve(
  curve: Curve,
  step: number,
  value: number,
  objective: TuningObjective,
): Curve {
  const last = curve.at(-1);
  if (last !== undefined && step <= last.step) return curve;
  const count = (last?.count ?? 0) + 1;
  const mean = last === undefined ? value : last.mean + (value - last.mean) / count;
  const best = last === undefined || isBetter(objective, value, last.best) ? value : last.best;
  const longer = [...curve, { step, value, best, mean, count }];
  if (longer.length <= CURVE_POINTS_MAX) return longer;
  return longer.filter((_, at) => (longer.length - 1 - at) % 2 === 0);
}

/**
 * The median at a step over the completed trials that had told anything by then; null where there
 * are too few.
 */
export function medianAt(completed: readonly Curve[], step: number): number | null {
  const means = completed
    .map((curve) => curve.findLast((point) => point.step <= step)?.mean)
    .filter((mean) => mean !== undefined)
    .toSorted((a, b) => a - b);
  if (means.length < COMPLETED_TRIALS_MIN) return null;
  const middle = means.length / 2;
  const upper = means[Math.floor(middle)] as number;
  return Number.isInteger(middle) ? ((means[middle - 1] as number) + upper) / 2 : upper;
}

/** Why a running trial is to be stopped now; null while it may go on. */
export function medianVerdict(
  curve: Curve,
  completed: readonly Curve[],
  objective: TuningObjective,
): string | null {
  const last = curve.at(-1);
  if (last === undefined) return null;
  const median = medianAt(completed, last.step);
  if (median === null || !isBetter(objective, median, last.best)) return null;
  return `${objective.metric} ${last.best} by step ${last.step} is worse than the median ${median} of ${completed.length} trials`;
}

/** The next share at which it is decided; null once none is left. */
export function nextDecision(decided: number): number | null {
  return DECISION_SHARES.find((share) => share > decided) ?? null;
}
