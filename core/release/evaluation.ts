/** Wall-clock limit of a job that scores held-out rows with one model, seconds. */
export const SCORE_TIMEOUT_SECONDS = 3600;

/** A number with its confidence interval. */
export interface Interval {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** What was measured on the exported file, before anybody decided anything. */
export interface EvaluationReport {
  readonly schemaVersion: 1;
  readonly model: string;
  readonly version: string;
  readonly modelSha256: string;
  readonly heldOutSha256: string;
  readonly rows: number;
  readonly positives: number;
  /** Area under the precision-recall curve as average precision: sum of (R_n − R_n−1) P_n. */
  readonly metric: 'average-precision';
  readonly candidate: Interval;
  readonly champion: {
    readonly version: string;
    readonly modelSha256: string;
    readonly score: Interval;
  } | null;
  /** Candidate minus champion on the same rows, resampled in pairs. */
  readonly difference: Interval | null;
  /** Level of every interval, such as 0.95. */
  readonly confidence: number;
  readonly resamples: number;
  readonly seed: number;
}

export interface EvaluationPolicy {
  /** Without a champion, the low end of the candidate's interval must reach this. 0–1. */
  readonly floor: number;
  /**
   * With a champion, the low end of the difference must exceed minus this: the candidate is shown
   * not to be worse by more than this. 0–1.
   */
  readonly lossMax: number;
  /** 0–1, such as 0.95. */
  readonly confidence: number;
  /** Bootstrap resamples, 100–10,000. */
  readonly resamples: number;
  readonly seed: number;
}

/** What a request that says nothing about its evaluation is held to. */
export const EVALUATION_POLICY_DEFAULT: EvaluationPolicy = {
  floor: 0.3,
  lossMax: 0.02,
  confidence: 0.95,
  resamples: 500,
  seed: 1,
};

export interface EvaluationVerdict {
  readonly passed: boolean;
  readonly reason: string;
}

/** Judges a report; an interval that straddles the bound does not pass. */
export function judgeEvaluation(
  report: EvaluationReport,
  policy: EvaluationPolicy,
): EvaluationVerdict {
  const percent = `${Math.round(report.confidence * 100)} %`;
  if (report.champion === null || report.difference === null) {
    const passed = report.candidate.low >= policy.floor;
    return {
      passed,
      reason: `no champion: average precision ${format(report.candidate)} at ${percent}, floor ${policy.floor}`,
    };
  }
  const passed = report.difference.low > -policy.lossMax;
  return {
    passed,
    reason:
      `average precision ${format(report.candidate)} against ${report.champion.version} ${format(report.champion.score)}; ` +
      `difference ${format(report.difference)} at ${percent}, may lose at most ${policy.lossMax}`,
  };
}

function format({ value, low, high }: Interval): string {
  return `${value.toFixed(4)} [${low.toFixed(4)}, ${high.toFixed(4)}]`;
}
