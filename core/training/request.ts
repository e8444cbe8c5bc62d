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

/** Capacity that was held on one backend. */
export interface CapacityUse {
  readonly backend: string;
  readonly billableSeconds: number;
  readonly price: PriceQuote;
}

/** One finished job of a training, with what it held and cost on the backend where it succeeded. */
export interface JobSummary extends CapacityUse {
  readonly step: string;
  /** On all backends together. */
  readonly attempts: number;
  /** Reasons of the attempts that did not succeed, each with its backend where several were named. */
  readonly setbacks: readonly string[];
  /** What other backends of the step's list were held for before; absent when none was. */
  readonly before?: readonly CapacityUse[];
}

export interface TrainResult {
  readonly model: ArtifactRef;
  readonly heldOut: ArtifactRef;
  readonly jobs: readonly JobSummary[];
}
