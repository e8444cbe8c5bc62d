import type { JobParam } from './compute.ts';
import type { PipelineHandle } from './pipeline.ts';

export interface AssetEvent {
  readonly asset: string;
  /** The key that it was published under, or empty for one that is not ours. */
  readonly key: string;
  /** ISO 8601. */
  readonly at: string;
  readonly extra: Readonly<Record<string, JobParam>>;
}

/** Data-aware scheduling: news of data sets, on which pipelines run. */
export interface Assets {
  /**
   * Tells that the asset has news, once for a key, however often it is called.
   * @throws OrreryError NOT_FOUND when the far side knows no such asset
   */
  publish(event: {
    readonly asset: string;
    readonly key: string;
    readonly extra: Readonly<Record<string, JobParam>>;
  }): Promise<AssetEvent>;
  /** Events of the asset, newest first. */
  events(asset: string, countMax: number): Promise<readonly AssetEvent[]>;
  /** Runs what makes the asset. */
  materialize(asset: string, key: string): Promise<PipelineHandle>;
}
