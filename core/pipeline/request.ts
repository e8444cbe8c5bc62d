import type { BackendChoice } from '../backend.ts';
import type { LineageArtifact, PipelineSpec, PipelineTask } from '../ports/pipeline.ts';
import type { WorkSetback } from '../training/fallback.ts';

/** How a pipeline run is watched and how often it may be tried. */
export interface PipelinePolicy {
  /** Most runs on one backend, the first included, 1–100, default 1: a run may have effects elsewhere. */
  readonly attemptsMax: number;
  /**
   * How often the failed tasks of one run are run again before that run counts as failed, 0–100,
   * default 0. A far side that cannot run tasks again goes on to the next run.
   */
  readonly retryTasks: number;
  /**
   * How soon a dead watcher is noticed, seconds. Default: by the run's time limit, so that a watch of
   * any length costs about a hundred heartbeats; see core/training/watching.ts.
   */
  readonly heartbeatTimeoutSeconds?: number;
}

/** Which pipeline runs, where and for how long. */
export interface PipelineStep extends Omit<PipelineSpec, 'labels'> {
  /** Backends in the order in which they are tried; absent → the `pipeline` backend alone. */
  readonly on?: readonly string[];
}

/** The one argument of `runPipeline`. */
export interface PipelineRequest {
  readonly schemaVersion: 1;
  readonly model: string;
  readonly version: string;
  /** Tells the pipeline runs of one version apart. */
  readonly name: string;
  readonly backends: BackendChoice;
  readonly pipeline: PipelineStep;
  readonly policy: PipelinePolicy;
}

/** What a lifecycle says of the pipeline that refreshes its data. */
export type RefreshRequest = Pick<PipelineRequest, 'pipeline' | 'policy'>;

/** What `runPipeline` returns. */
export interface PipelineResult {
  readonly backend: string;
  readonly key: string;
  readonly remoteId: string;
  /** Runs that were made or refused, the last one included. */
  readonly attempts: number;
  readonly setbacks: readonly WorkSetback[];
  readonly tasks: readonly PipelineTask[];
  readonly lineage: readonly LineageArtifact[];
  readonly warnings: readonly string[];
  readonly runSeconds: number;
  /** US dollars as far as the far side tells; null where it tells none. */
  readonly costUsd: number | null;
  readonly logUri: string;
}

/** What the `status` query of `runPipeline` answers and its card shows. */
export interface PipelineState {
  readonly model: string;
  readonly version: string;
  readonly name: string;
  readonly stage: 'admit' | 'run' | 'wait' | 'done';
  readonly pipeline: string;
  readonly backend: string | null;
  /** Where a person looks at the run; empty while nothing has been read. */
  readonly logUri: string;
  readonly remoteId: string | null;
  readonly attempt: number;
  readonly setbacks: readonly WorkSetback[];
  readonly tasks: readonly PipelineTask[];
  readonly runSeconds: number;
  readonly costUsd: number | null;
  readonly outcome: 'succeeded' | 'failed' | 'cancelled' | null;
  /** Why it ended so, or what it does now. */
  readonly reason: string;
}
