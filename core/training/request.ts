import type { BackendChoice } from '../backend.ts';
import type { ArtifactRef } from '../ports/artifacts.ts';
import type { PriceQuote } from '../ports/prices.ts';
import type { TrainingRequest } from '../lifecycle/request.ts';

/** The one argument of `trainModel`. */
export interface TrainRequest {
  readonly schemaVersion: 1;
  readonly model: string;
  readonly version: string;
  readonly backends: BackendChoice;
  readonly data: ArtifactRef;
  readonly training: TrainingRequest;
}

/** One finished job of a training, with what it held and cost. */
export interface JobSummary {
  readonly step: string;
  readonly attempts: number;
  readonly billableSeconds: number;
  readonly price: PriceQuote;
  /** Reasons of the attempts that did not succeed. */
  readonly setbacks: readonly string[];
}

export interface TrainResult {
  readonly model: ArtifactRef;
  readonly heldOut: ArtifactRef;
  readonly jobs: readonly JobSummary[];
}
