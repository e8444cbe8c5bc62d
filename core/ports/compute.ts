import type { WorkLabels } from '../labels.ts';
import type { ArtifactRef } from './artifacts.ts';

/** A parameter of a job: what a JSON file of one level can hold. */
export type JobParam = string | number | boolean;

/** What runs. Written once into history, and the same for every retry of its step. */
export interface JobSpec {
  readonly kind: 'prepare' | 'train' | 'score';
  /** Program and arguments. A first word without a slash is a name that the backend resolves. */
  readonly command: readonly string[];
  readonly params: Readonly<Record<string, JobParam>>;
  /** File name in the input folder → its bytes. */
  readonly inputs: Readonly<Record<string, ArtifactRef>>;
  /** File names that the job must leave in its output folder. */
  readonly outputs: readonly string[];
  /** Jobs of one scope see one checkpoint folder, so that the next attempt resumes; null for none. */
  readonly checkpointScope: string | null;
  readonly resources: { readonly cpus: number; readonly memoryMiB: number };
  /** Wall-clock limit; a job over it is stopped and has failed. */
  readonly timeoutSeconds: number;
  /** Seconds between SIGTERM and SIGKILL. */
  readonly graceSeconds: number;
  readonly labels: WorkLabels;
}

/** A spec with the key that makes its creation idempotent: see core/training/job-key.ts. */
export interface JobIntent {
  readonly key: string;
  /** Digest of the spec; a far-side job under our key with another digest is NAME_TAKEN. */
  readonly specDigest: string;
  readonly spec: JobSpec;
}

export interface JobHandle {
  readonly key: string;
  /** The far side's own name for the job. */
  readonly remoteId: string;
}

/**
 * `created`: this call started it. `adopted`: it was there under our key and is live or succeeded.
 * `dead`: it was there and has failed, was cancelled or is lost, so the next attempt is due.
 */
export interface JobStart {
  readonly handle: JobHandle;
  readonly outcome: 'created' | 'adopted' | 'dead';
}

/**
 * `lost`: the far side has no terminal record and nothing runs. `cancelled` is said only after the
 * far side's terminal state was read.
 */
export type JobPhase = 'pending' | 'running' | 'succeeded' | 'failed' | 'cancelled' | 'lost';

export interface JobProgress {
  readonly step: number;
  readonly steps: number;
  readonly message: string;
  /** Numbers that the program tells of itself at this step, such as a validation loss. */
  readonly metrics?: Readonly<Record<string, number>>;
}

export interface JobReading {
  readonly phase: JobPhase;
  /** Grows with every change that is worth telling; `read` can wait for the next one. */
  readonly revision: number;
  readonly progress: JobProgress | null;
  /** Present once the process is gone; `code` is null when a signal ended it. */
  readonly exit: { readonly code: number | null; readonly signal: string | null } | null;
  /** Seconds for which the resources were held so far. */
  readonly billableSeconds: number;
  /** Set once succeeded: file name → bytes. */
  readonly outputs: Readonly<Record<string, ArtifactRef>>;
  /** Why it is in this phase, in the far side's own words where it has some. */
  readonly reason: string;
  /** Where an operator finds the log. */
  readonly logUri: string;
}

/** Jobs on capacity. */
export interface Compute {
  /**
   * Creates the job under the name derived from its key, or adopts it.
   * @throws OrreryError NAME_TAKEN when the name holds another spec; HOST_AGENT_DOWN, DISK_FULL, TOOL_MISSING;
   * QUOTA_EXCEEDED, CAPACITY_MISSING, SPEC_REJECTED, CREDENTIALS_INVALID, ACCESS_DENIED, BACKEND_UNAVAILABLE
   */
  start(intent: JobIntent): Promise<JobStart>;
  /**
   * Reads the job. With `wait`, answers as soon as `revision` exceeds `since` or after `waitMs`.
   * A job that the far side does not know reads as `lost`.
   */
  read(
    handle: JobHandle,
    wait?: { readonly since: number; readonly waitMs: number },
  ): Promise<JobReading>;
  /** Asks for a checkpoint now (SIGUSR1, or the far side's own way); returns when asked, not when done. */
  requestCheckpoint(handle: JobHandle): Promise<void>;
  /**
   * Stops the job and returns its terminal reading, read from the far side. Idempotent. After a start
   * whose reply was lost nobody knows the remote id: the key stands in its place then, and the job
   * is found by it all the same.
   */
  stop(handle: JobHandle): Promise<JobReading>;
}
