import type { JobPhase, JobSpec } from './compute.ts';
import type { WorkLabels } from '../labels.ts';

/** One dimension of a search space. */
export type SearchParameter =
  | {
      readonly name: string;
      readonly type: 'double' | 'integer';
      readonly min: number;
      /** Inclusive; larger than `min`. */
      readonly max: number;
      readonly scale: 'linear' | 'log';
      /** Points that a grid puts on it, ends included. */
      readonly gridPoints: number;
    }
  | {
      readonly name: string;
      readonly type: 'categorical';
      readonly values: readonly string[];
    };

export interface TuningObjective {
  /** Name of the metric that each trial tells: see docs/jobs.md, “metrics.json”. */
  readonly metric: string;
  readonly goal: 'minimize' | 'maximize';
}

export type SearchAlgorithm = 'grid' | 'random' | 'bayesian';

/** A search for good parameters. A trial is the job with the values of one point among its params. */
export interface TuningSpec {
  readonly trial: Omit<JobSpec, 'labels' | 'checkpointScope'>;
  readonly space: readonly SearchParameter[];
  readonly objective: TuningObjective;
  readonly algorithm: SearchAlgorithm;
  /** `median`: a trial below the median of the others at the same step is stopped (Golovin et al. 2017, §3.2.2). */
  readonly earlyStopping: 'none' | 'median';
  readonly trialsMax: number;
  readonly parallelMax: number;
  /** The search has failed once more trials than this have. */
  readonly failedMax: number;
  /** Of the random draws; a far side without seeds ignores it. */
  readonly seed: number;
  /** Wall-clock limit of the whole search. */
  readonly timeoutSeconds: number;
  readonly labels: WorkLabels;
}

export interface TuningIntent {
  readonly key: string;
  readonly specDigest: string;
  readonly spec: TuningSpec;
}
export interface TuningHandle {
  readonly key: string;
  readonly remoteId: string;
}
/** See `JobStart`: the outcomes mean the same. */
export interface TuningStart {
  readonly handle: TuningHandle;
  readonly outcome: 'created' | 'adopted' | 'dead';
}

export interface TrialReading {
  /** The far side's own name. */
  readonly name: string;
  /** `stopped`: ended early by the rule, its last value counts. */
  readonly phase: JobPhase | 'stopped';
  readonly params: Readonly<Record<string, string | number>>;
  /** Value of the objective; null while unknown. */
  readonly value: number | null;
  readonly reason: string;
}

export interface TuningReading {
  readonly phase: JobPhase;
  readonly revision: number;
  readonly trials: readonly TrialReading[];
  /** Best of the trials with a value, in the far side's own opinion; null while none has one. */
  readonly best: TrialReading | null;
  /** Sum over the trials. */
  readonly billableSeconds: number;
  readonly reason: string;
  readonly logUri: string;
}

/** Hyper-parameter search on the far side. */
export interface Tuning {
  /** @throws OrreryError NAME_TAKEN, SPEC_REJECTED, OPERATION_UNSUPPORTED for an algorithm it lacks, and what `Pipeline.start` throws */
  start(intent: TuningIntent): Promise<TuningStart>;
  /** Like `Compute.read`. */
  read(
    handle: TuningHandle,
    wait?: { readonly since: number; readonly waitMs: number },
  ): Promise<TuningReading>;
  /** Stops the search and its trials; returns when all are terminal. Idempotent. */
  stop(handle: TuningHandle): Promise<TuningReading>;
}
