import type { BackendChoice } from '../backend.ts';
import type { ArtifactRef } from '../ports/artifacts.ts';
import type { PriceQuote } from '../ports/prices.ts';
import type { TrialReading, TuningSpec } from '../ports/tuning.ts';
import type { JobPolicy } from '../training/attempts.ts';
import type { WorkSetback } from '../training/fallback.ts';

/** What is searched for, in the words of the `tuning` port. */
export type SearchRequest = Omit<TuningSpec, 'labels'>;

/** The one argument of `tuneModel`. */
export interface TuneRequest {
  readonly schemaVersion: 1;
  readonly model: string;
  readonly version: string;
  /** Tells the searches of one version apart. */
  readonly name: string;
  readonly backends: BackendChoice;
  /**
   * `backend`: the far side searches, by its `tuning` port. `orrery`: our own bounded search by grid
   * or at random, each trial a job on `compute`.
   */
  readonly engine: 'backend' | 'orrery';
  /**
   * Backends in the order in which they are tried: of the whole search, or of each trial. Absent →
   * the `tuning` backend, or those of the step that the trial's kind names.
   */
  readonly on?: readonly string[];
  readonly search: SearchRequest;
  /**
   * Of each trial's job with the engine `orrery`; of the search as a whole with `backend`, where
   * `stallSeconds` does not count.
   */
  readonly policy: JobPolicy;
}

/** One trial, as it is told afterwards. */
export interface TrialSummary extends TrialReading {
  readonly billableSeconds: number;
}

/** What `tuneModel` returns. */
export interface TuneResult {
  readonly engine: TuneRequest['engine'];
  readonly best: TrialSummary;
  /** File name → bytes that the best trial left; empty where the far side tells none. */
  readonly outputs: Readonly<Record<string, ArtifactRef>>;
  readonly trials: readonly TrialSummary[];
  readonly setbacks: readonly WorkSetback[];
  readonly billableSeconds: number;
  /** US dollars by the price books of the backends that were used. */
  readonly costUsd: number;
  /** Of the backend that was used last. */
  readonly price: PriceQuote | null;
  /** Why no further trial was made. */
  readonly reason: string;
}

/** What the `status` query of `tuneModel` answers and its card shows. */
export interface TuningState {
  readonly model: string;
  readonly version: string;
  readonly name: string;
  readonly engine: TuneRequest['engine'] | null;
  readonly stage: 'admit' | 'search' | 'wait' | 'done';
  /** Of the search, where the far side searches. */
  readonly backend: string | null;
  readonly logUri: string;
  readonly metric: string;
  readonly trialsMax: number;
  readonly trials: readonly TrialSummary[];
  readonly best: TrialSummary | null;
  readonly setbacks: readonly WorkSetback[];
  readonly outcome: 'succeeded' | 'failed' | 'cancelled' | null;
  readonly reason: string;
}
