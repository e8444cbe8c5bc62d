import type { JobParam, JobPhase } from './compute.ts';

/** Runs of a scheduled pipeline for times that have passed. */
export interface BackfillSpec {
  readonly key: string;
  readonly pipeline: string;
  /** ISO 8601, both inclusive. */
  readonly from: string;
  readonly to: string;
  readonly params: Readonly<Record<string, JobParam>>;
  /** Which of the times that have a run already run again. */
  readonly reprocess: 'none' | 'failed' | 'completed';
  /** Runs at once, 1 or more. */
  readonly parallelMax: number;
}

export interface BackfillReading {
  readonly key: string;
  readonly remoteId: string;
  readonly phase: JobPhase;
  readonly runs: readonly { readonly at: string; readonly phase: JobPhase }[];
  readonly reason: string;
}

/** Backfills. */
export interface Backfill {
  /** Dry run: the times that would run, ISO 8601. */
  plan(spec: BackfillSpec): Promise<readonly string[]>;
  /** Idempotent by its key. @throws OrreryError NAME_TAKEN when a stranger's backfill of it runs */
  start(spec: BackfillSpec): Promise<BackfillReading>;
  /** null when there is none under this key. */
  read(pipeline: string, key: string): Promise<BackfillReading | null>;
  /** Returns when no run of it is live. Idempotent. */
  stop(pipeline: string, key: string): Promise<BackfillReading | null>;
}
