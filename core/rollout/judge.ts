/**
 * The sequential judge of a rollout step.
 *
 * Harm is measured by a mixture e-process on event counts (errors, and slow requests) of the canary
 * against the stable arm at the same time. Given the events of a tick, those of the canary are
 * Binomial(n, q0) with q0 = n1 / (n1 + n0) by requests when both arms fail alike, and
 * Binomial(n, r·n1 / (r·n1 + n0)) when the canary fails r times as often. The likelihood ratios for
 * the ratios r are averaged; by Ville's inequality their average exceeds 1/α with probability at
 * most α under "no harm", at whatever time one looks and however the weights move (Lindon and Malek,
 * NeurIPS 2022; exact for Poisson counts, conservative for high rates).
 *
 * α is shared between the two metrics and the floor. Evidence is kept as logarithms so that every
 * number stays finite in JSON. No requests means no evidence, and no evidence means hold.
 */
import { addCounts, NO_COUNTS } from './counts.ts';
import type { ArmCounts, Tick } from './counts.ts';

export interface JudgePolicy {
  /** Chance to condemn a harmless canary, over the whole rollout and all metrics. 0–1. */
  readonly errorRate: number;
  /** Harm that matters: how many times the stable arm's rate. Each > 1. */
  readonly ratios: readonly number[];
  /** Least requests of the canary in a step before it may advance. */
  readonly requestsMin: number;
  /** Least duration of a step, seconds. */
  readonly secondsMin: number;
  /** Requests slower than this count as slow, milliseconds. */
  readonly latencyMsMax: number;
  /** A service objective: the canary's share of failed requests that is never acceptable. 0–1. */
  readonly errorShareMax: number;
  /**
   * A condemnation needs events of the canary in at least so many ticks: one stall or one burst of
   * retries is a clump, which the Poisson count does not foresee.
   */
  readonly ticksMin: number;
  /** A step without decision for so long asks a human, seconds. */
  readonly undecidedSecondsMax: number;
}

export const JUDGE_POLICY_DEFAULT: JudgePolicy = {
  errorRate: 0.001,
  ratios: [1.3, 1.6, 2, 3, 5, 10, 30, 100],
  requestsMin: 50,
  secondsMin: 3,
  latencyMsMax: 250,
  errorShareMax: 0.05,
  ticksMin: 3,
  undecidedSecondsMax: 900,
};

type Metric = 'errors' | 'slow';
const METRICS: readonly Metric[] = ['errors', 'slow'];
/** errors, slow and the floor share the error rate. */
const TESTS = METRICS.length + 1;

/** Everything that is remembered from tick to tick; plain JSON. `evidence` is per ratio, natural log. */
export interface JudgeState {
  readonly evidence: Readonly<Record<Metric, readonly number[]>>;
  readonly floorEvidence: number;
  /** Ticks in which the canary had such events. */
  readonly eventTicks: Readonly<Record<Metric, number>>;
  /** Of the present step. */
  readonly step: {
    readonly seconds: number;
    readonly canary: ArmCounts;
    readonly stable: ArmCounts;
  };
  /** Of the whole rollout. */
  readonly canary: ArmCounts;
  readonly stable: ArmCounts;
}

export function newJudge(policy: JudgePolicy): JudgeState {
  const zeros = policy.ratios.map(() => 0);
  return {
    evidence: { errors: zeros, slow: zeros },
    floorEvidence: 0,
    eventTicks: { errors: 0, slow: 0 },
    step: { seconds: 0, canary: NO_COUNTS, stable: NO_COUNTS },
    canary: NO_COUNTS,
    stable: NO_COUNTS,
  };
}

/** A new step keeps the evidence and starts its own minimum of requests and time. */
export function nextStep(state: JudgeState): JudgeState {
  return { ...state, step: { seconds: 0, canary: NO_COUNTS, stable: NO_COUNTS } };
}

export function addTick(state: JudgeState, tick: Tick, policy: JudgePolicy): JudgeState {
  const stable = tick.stable ?? NO_COUNTS;
  const evidenceOf = (metric: Metric) =>
    policy.ratios.map(
      (ratio, index) => (state.evidence[metric][index] ?? 0) + logRatio(tick, metric, ratio),
    );
  return {
    evidence: { errors: evidenceOf('errors'), slow: evidenceOf('slow') },
    floorEvidence: state.floorEvidence + floorLogRatio(tick.canary, policy.errorShareMax),
    eventTicks: {
      errors: state.eventTicks.errors + (tick.canary.errors > 0 ? 1 : 0),
      slow: state.eventTicks.slow + (tick.canary.slow > 0 ? 1 : 0),
    },
    step: {
      seconds: state.step.seconds + tick.seconds,
      canary: addCounts(state.step.canary, tick.canary),
      stable: addCounts(state.step.stable, stable),
    },
    canary: addCounts(state.canary, tick.canary),
    stable: addCounts(state.stable, stable),
  };
}

export interface Verdict {
  readonly kind: 'hold' | 'advance' | 'condemn' | 'undecided';
  /** Whole sentences for the card, the report and the audit trail. */
  readonly reasons: readonly string[];
}

export function judge(state: JudgeState, policy: JudgePolicy): Verdict {
  const reasons = condemnations(state, policy);
  if (reasons.length > 0) return { kind: 'condemn', reasons };
  const { seconds, canary } = state.step;
  if (canary.requests >= policy.requestsMin && seconds >= policy.secondsMin) {
    return { kind: 'advance', reasons: [advanceReason(state, policy)] };
  }
  const missing = `${canary.requests} of ${policy.requestsMin} requests and ${seconds.toFixed(0)} of ${policy.secondsMin} s`;
  return seconds >= policy.undecidedSecondsMax
    ? { kind: 'undecided', reasons: [`after ${seconds.toFixed(0)} s only ${missing}`] }
    : { kind: 'hold', reasons: [missing] };
}

/** Natural logarithm of the mixture e-value of a metric. */
export function logEvidence(state: JudgeState, metric: Metric): number {
  const logs = state.evidence[metric];
  const top = Math.max(...logs);
  return top + Math.log(logs.reduce((sum, log) => sum + Math.exp(log - top), 0) / logs.length);
}

function condemnations(state: JudgeState, policy: JudgePolicy): string[] {
  const bound = Math.log(TESTS / policy.errorRate);
  const reasons = METRICS.filter(
    (metric) => logEvidence(state, metric) >= bound && state.eventTicks[metric] >= policy.ticksMin,
  ).map(
    (metric) =>
      `${metric}: canary ${share(state.canary, metric)}, stable ${share(state.stable, metric)} at the same time; ` +
      `log e-value ${logEvidence(state, metric).toFixed(1)} ≥ ${bound.toFixed(1)} (error rate ${policy.errorRate})`,
  );
  if (state.floorEvidence >= bound && state.eventTicks.errors >= policy.ticksMin) {
    reasons.push(
      `errors: canary ${share(state.canary, 'errors')} breaks the objective of ${policy.errorShareMax * 100} %; ` +
        `log e-value ${state.floorEvidence.toFixed(1)} ≥ ${bound.toFixed(1)}`,
    );
  }
  return reasons;
}

function advanceReason(state: JudgeState, policy: JudgePolicy): string {
  return (
    `no harm in ${state.step.canary.requests} requests and ${state.step.seconds.toFixed(0)} s ` +
    `(errors ${share(state.canary, 'errors')} against ${share(state.stable, 'errors')}, ` +
    `slower than ${policy.latencyMsMax} ms ${share(state.canary, 'slow')} against ${share(state.stable, 'slow')})`
  );
}

function share(counts: ArmCounts, metric: Metric): string {
  return `${counts[metric]} of ${counts.requests}`;
}

/** Log-likelihood ratio of one tick: canary fails `ratio` times as often, against alike. */
function logRatio(tick: Tick, metric: Metric, ratio: number): number {
  if (tick.stable === null) return 0;
  const [n1, n0] = [tick.canary.requests, tick.stable.requests];
  const [x1, x0] = [tick.canary[metric], tick.stable[metric]];
  if (n1 === 0 || n0 === 0 || x1 + x0 === 0) return 0;
  const inflation = (ratio * n1 + n0) / (n1 + n0);
  return x1 * Math.log(ratio) - (x1 + x0) * Math.log(inflation);
}

/**
 * Bernoulli likelihood ratio of "fails twice as often as the objective allows" against "just as
 * often": a test martingale for a share at or below the objective.
 */
function floorLogRatio(canary: ArmCounts, errorShareMax: number): number {
  if (errorShareMax >= 1) return 0;
  const worse = Math.min(2 * errorShareMax, (1 + errorShareMax) / 2);
  const good = canary.requests - canary.errors;
  return (
    canary.errors * Math.log(worse / errorShareMax) +
    good * Math.log((1 - worse) / (1 - errorShareMax))
  );
}
