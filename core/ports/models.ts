import type { ArtifactRef } from './artifacts.ts';

/** A registered version: never changed after it was written. */
export interface ModelVersion {
  readonly model: string;
  readonly version: string;
  readonly author: string;
  readonly modelRef: ArtifactRef;
  readonly reportRef: ArtifactRef;
  /** The signed release statement over both (a DSSE envelope). */
  readonly envelopeRef: ArtifactRef;
  /** The run that made it. */
  readonly workflowId: string;
}

/** Which version serves where. `generation` grows by one with each change. */
export interface ServingFact {
  readonly generation: number;
  readonly champion: string | null;
  /** The champion before this one, kept for a way back. */
  readonly previous: string | null;
  /** The release that is going on, if any: one per model and region at a time. */
  readonly challenger: { readonly version: string; readonly owner: string } | null;
}

export interface FactChange {
  readonly model: string;
  readonly region: string;
  readonly expectedGeneration: number;
  readonly next: Omit<ServingFact, 'generation'>;
}

/** Registry with a compare-and-swap champion. */
export interface Models {
  /** Idempotent for equal records. @throws OrreryError VERSION_TAKEN when registered otherwise */
  register(record: ModelVersion): Promise<void>;
  read(model: string, version: string): Promise<ModelVersion | null>;
  /** A model or region that was never served reads as generation 0 without champion. */
  fact(model: string, region: string): Promise<ServingFact>;
  /**
   * Writes the next fact if the generation is still the expected one.
   * @throws OrreryError CHAMPION_MOVED otherwise
   */
  changeFact(change: FactChange): Promise<ServingFact>;
}
