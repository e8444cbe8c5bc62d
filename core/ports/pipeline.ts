import type { JobParam, JobPhase } from './compute.ts';
import type { WorkLabels } from '../labels.ts';

/** A run of a pipeline that the far side knows. The same for every retry of its step. */
export interface PipelineSpec {
  /**
   * The far side's own reference: an Airflow DAG id, a KFP pipeline name or id, a SageMaker pipeline
   * name, a Vertex AI template URI.
   */
  readonly pipeline: string;
  /** A version of it in the far side's words; null for the one that is current there. */
  readonly version: string | null;
  readonly params: Readonly<Record<string, JobParam>>;
  /** Wall-clock limit; a run over it is stopped and has failed. */
  readonly timeoutSeconds: number;
  readonly labels: WorkLabels;
}

/** A spec with the key that makes its creation idempotent: see core/training/job-key.ts. */
export interface PipelineIntent {
  readonly key: string;
  /** Digest of the spec; a run under our key with another digest is NAME_TAKEN. */
  readonly specDigest: string;
  readonly spec: PipelineSpec;
}

export interface PipelineHandle {
  readonly key: string;
  /** The far side's own name for the run, with all that is needed to read it (`<dag>/<run>`, an ARN). */
  readonly remoteId: string;
}

/** See `JobStart`: the outcomes mean the same. */
export interface PipelineStart {
  readonly handle: PipelineHandle;
  readonly outcome: 'created' | 'adopted' | 'dead';
}

export interface PipelineTask {
  readonly name: string;
  readonly phase: JobPhase | 'skipped';
  readonly reason: string;
  /** Empty where the far side names none. */
  readonly logUri: string;
}

/** Something that a task read or wrote, as the far side recorded it. */
export interface LineageArtifact {
  readonly task: string;
  readonly direction: 'input' | 'output';
  readonly name: string;
  readonly uri: string;
  /** The far side's own type name, such as `system.Model`; empty where it has none. */
  readonly type: string;
}

export interface PipelineReading {
  readonly phase: JobPhase;
  /** Grows with every change that is worth telling; `read` can wait for the next one. */
  readonly revision: number;
  readonly tasks: readonly PipelineTask[];
  readonly lineage: readonly LineageArtifact[];
  /** Deadlines missed and the like: facts that do not change the phase. */
  readonly warnings: readonly string[];
  /** Seconds from the run's start to its end, or to now. */
  readonly runSeconds: number;
  /** US dollars as far as the far side tells; null where it tells none. */
  readonly costUsd: number | null;
  /** Why it is in this phase, in the far side's own words where it has some. */
  readonly reason: string;
  /** Where a person looks at the run. */
  readonly logUri: string;
}

/** Runs of third-party pipelines. */
export interface Pipeline {
  /**
   * Creates the run under the name derived from its key, or adopts it.
   * @throws OrreryError NAME_TAKEN, NOT_FOUND when the far side has no such pipeline, SPEC_REJECTED,
   * CREDENTIALS_INVALID, ACCESS_DENIED, QUOTA_EXCEEDED, BACKEND_UNAVAILABLE, REPLY_MALFORMED
   */
  start(intent: PipelineIntent): Promise<PipelineStart>;
  /**
   * Reads the run. With `wait`, answers as soon as `revision` exceeds `since` or after `waitMs`.
   * A run that the far side does not know reads as `lost`.
   */
  read(
    handle: PipelineHandle,
    wait?: { readonly since: number; readonly waitMs: number },
  ): Promise<PipelineReading>;
  /**
   * Runs the failed tasks of a failed run again, and those after them; the run is live again under
   * the same handle. Does nothing to a run that is live or succeeded.
   * @throws OrreryError OPERATION_UNSUPPORTED where the far side cannot
   */
  retry(handle: PipelineHandle): Promise<PipelineReading>;
  /** Stops the run and returns its terminal reading, read from the far side. Idempotent. */
  stop(handle: PipelineHandle): Promise<PipelineReading>;
}
