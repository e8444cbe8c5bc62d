/**
 * The sequential judge of a rollout step.
 *
 * Harm is measured on event counts (errors, and slow requests) of the canary against the stable arm
 * at the same time. Given the events of a tick, those of the canary are hypergeometric when both
 * arms fail alike; its moment generating function is at most that of Binomial(n, n1 / (n1 + n0)) by
 * requests (Hoeffding, JASA 58, 1963, theorem 4). So the likelihood ratio of a canary that fails r
 * times as often, Binomial(n, r·n1 / (r·n1 + n0)), against that is a valid e-value for "fails at
 * most as often" (Lindon and Malek, NeurIPS 2022), also through incidents that hit both arms and
 * however the weights move. The ratios r are averaged. See evidence.ts for how ticks add up to
 * evidence whose chance to condemn a harmless canary, ever, is at most `errorRate`.
 *
 * The error rate is shared between the two metrics and the floor, which judges the version against
 * the service objective where no stable arm serves beside it. No requests means no evidence, and no
 * evidence means hold.
 */
import { addCounts, NO_COUNTS } from './counts.ts';
import type { ArmCounts, Tick } from './counts.ts';
import { afterStepBegins, afterTick, LOG_EVIDENCE_AT_START, logMean } from './evidence.ts';
import type { Ordinals } from './evidence.ts';

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
  /**
   * The service objective: the largest acceptable share of failed requests. It is the floor where
   * there is nothing to compare with, as after promotion; while a stable arm serves beside the
   * canary, an incident that hits both is not the canary's fault. 0–1; 1 for none.
   */
  readonly errorShareMax: number;
  /**
   * A condemnation needs events of the canary in more ticks than this: no tick may give more than
   * 1 / (ticksMin + 1) of the evidence. One stall or one burst of retries is a clump of events with
   * one cause, and counting takes it for many. At least 1.
   */
  readonly ticksMin: number;
  /** A step without decision for so long asks a human, seconds. */
  readonly undecidedSecondsMax: number;
}

/** What a request that says nothing about its judge is held to. */
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

/**
 * Evidence below this is doubt enough not to give the canary more traffic: 1 to 20, the usual
 * level of 5 %. Doubt holds, it does not condemn; it passes when healthy ticks outweigh it.
 */
const LOG_EVIDENCE_TO_ADVANCE = Math.log(20);

/** Everything that is remembered from tick to tick; plain JSON. */
export interface JudgeState extends Ordinals {
  /** Per metric and ratio, natural logarithm. */
  readonly evidence: Readonly<Record<Metric, readonly number[]>>;
  /** Natural logarithm. */
  readonly floorEvidence: number;
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

const NEW_STEP = { seconds: 0, canary: NO_COUNTS, stable: NO_COUNTS };

/** The judge at the beginning of a rollout: no ticks seen, and its evidence where it starts. */
export function newJudge(policy: JudgePolicy): JudgeState {
  const atStart = policy.ratios.map(() => LOG_EVIDENCE_AT_START);
  return {
    ticks: 0,
    steps: 1,
    evidence: { errors: atStart, slow: atStart },
    floorEvidence: LOG_EVIDENCE_AT_START,
    step: NEW_STEP,
    canary: NO_COUNTS,
    stable: NO_COUNTS,
  };
}

/** A new step keeps the evidence and starts its own minimum of requests and time. */
export function nextStep(state: JudgeState): JudgeState {
  const steps = state.steps + 1;
  const began = (log: number): number => afterStepBegins(log, steps);
  return {
    ...state,
    steps,
    evidence: {
      errors: state.evidence.errors.map(began),
      slow: state.evidence.slow.map(began),
    },
    floorEvidence: began(state.floorEvidence),
    step: NEW_STEP,
  };
}

/**
 * Counts one tick. A tick without requests of the canary adds time and no evidence; the floor gains
 * evidence only where no stable arm serves beside the canary.
 */
export function addTick(state: JudgeState, tick: Tick, policy: JudgePolicy): JudgeState {
  const { seconds, canary } = tick;
  const stable = tick.stable ?? NO_COUNTS;
  const counted = {
    step: {
      seconds: state.step.seconds + seconds,
      canary: addCounts(state.step.canary, canary),
      stable: addCounts(state.step.stable, stable),
    },
    canary: addCounts(state.canary, canary),
    stable: addCounts(state.stable, stable),
  };
  if (canary.requests === 0) return { ...state, ...counted };
  const ticks = state.ticks + 1;
  const logRatioMax = logBound(policy) / (policy.ticksMin + 1);
  const after = (log: number, logRatio: number): number =>
    afterTick(log, logRatio, logRatioMax, ticks);
  const evidenceOf = (metric: Metric): number[] =>
    policy.ratios.map((ratio, index) =>
      after(state.evidence[metric][index] as number, logRatioOf(canary, stable, metric, ratio)),
    );
  return {
    ...state,
    ...counted,
    ticks,
    evidence: { errors: evidenceOf('errors'), slow: evidenceOf('slow') },
    floorEvidence: after(
      state.floorEvidence,
      tick.stable === null ? floorLogRatio(canary, policy.errorShareMax) : 0,
    ),
  };
}

export interface Verdict {
  readonly kind: 'hold' | 'advance' | 'condemn' | 'undecided';
  /** Whole sentences for the card, the report and the audit trail. */
  readonly reasons: readonly string[];
}

/**
 * What the evidence says now: `condemn` before anything else, `advance` once the step has its
 * requests and seconds and nothing speaks against it, `undecided` when the step has lasted
 * `undecidedSecondsMax`, `hold` otherwise.
 */
export function judge(state: JudgeState, policy: JudgePolicy): Verdict {
  const { seconds, canary } = state.step;
  const harm = signs(state, policy, logBound(policy));
  if (harm.length > 0) return { kind: 'condemn', reasons: harm };
  const doubts = signs(state, policy, LOG_EVIDENCE_TO_ADVANCE);
  const enough = canary.requests >= policy.requestsMin && seconds >= policy.secondsMin;
  if (enough && doubts.length === 0) {
    return { kind: 'advance', reasons: [advanceReason(state, policy)] };
  }
  const seen = `${canary.requests} of ${policy.requestsMin} requests and ${seconds.toFixed(0)} of ${policy.secondsMin} s`;
  const reasons = [seen, ...doubts];
  return seconds >= policy.undecidedSecondsMax
    ? { kind: 'undecided', reasons: [`no decision after ${seconds.toFixed(0)} s`, ...reasons] }
    : { kind: 'hold', reasons };
}

/** Natural logarithm of the evidence of harm on a metric, over all ratios. */
export function logEvidence(state: JudgeState, metric: Metric): number {
  return logMean(state.evidence[metric]);
}

/** Natural logarithm of the evidence that condemns. */
function logBound(policy: JudgePolicy): number {
  return Math.log(TESTS / policy.errorRate);
}

/** What speaks against the canary with at least this much evidence. */
function signs(state: JudgeState, policy: JudgePolicy, logMin: number): string[] {
  const text = (log: number): string =>
    `log e-value ${log.toFixed(1)} ≥ ${logMin.toFixed(1)} (${logBound(policy).toFixed(1)} condemns at error rate ${policy.errorRate})`;
  const reasons = METRICS.filter((metric) => logEvidence(state, metric) >= logMin).map(
    (metric) =>
      `${metric}: canary ${share(state.canary, metric)}, stable ${share(state.stable, metric)} at the same time; ` +
      text(logEvidence(state, metric)),
  );
  if (state.floorEvidence >= logMin) {
    reasons.push(
      `errors: ${share(state.step.canary, 'errors')} in this step break the objective of ${policy.errorShareMax * 100} %; ` +
        text(state.floorEvidence),
    );
  }
  return reasons;
}

function advanceReason(state: JudgeState, policy: JudgePolicy): string {
  if (state.step.canary.requests === 0) {
    return `no requests in ${state.step.seconds.toFixed(0)} s, so no evidence either way`;
  }
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
function logRatioOf(canary: ArmCounts, stable: ArmCounts, metric: Metric, ratio: number): number {
  const [n1, n0] = [canary.requests, stable.requests];
  const [x1, x0] = [canary[metric], stable[metric]];
  // Without events this is 0, and so it is where the stable arm had no requests to compare with.
  return x1 * Math.log(ratio) - (x1 + x0) * Math.log((ratio * n1 + n0) / (n1 + n0));
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
