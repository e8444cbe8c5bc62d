import type { BackendChoice } from '../backend.ts';
import type { DataContract } from '../data/contract.ts';
import type { RefreshRequest } from '../pipeline/request.ts';
import type { JobParam } from '../ports/compute.ts';
import type { EvaluationPolicy } from '../release/evaluation.ts';
import type { JudgePolicy } from '../rollout/judge.ts';
import type { JobPolicy } from '../training/attempts.ts';

/** One program of a training: see docs/jobs.md for the contract that it follows. */
export interface ProgramRequest {
  /** Program and arguments. A first word without a slash is a name that the backend resolves. */
  readonly command: readonly string[];
  readonly params: Readonly<Record<string, JobParam>>;
  readonly timeoutSeconds: number;
}

export interface TrainingRequest {
  /** Makes `train.csv` and `heldout.csv` from `data.csv`. */
  readonly prepare: ProgramRequest;
  /** Makes `model.onnx` from `train.csv`. */
  readonly train: ProgramRequest;
  readonly resources: { readonly cpus: number; readonly memoryMiB: number };
  /** Seconds between SIGTERM and SIGKILL. */
  readonly graceSeconds: number;
  readonly policy: JobPolicy;
}

export interface ApprovalRequest {
  /** Hours to wait for an approval before the run ends with APPROVAL_EXPIRED. */
  readonly deadlineHours: number;
}

export interface ReleaseRequest {
  /** Regions in the order of release: low risk first. */
  readonly regions: readonly string[];
  readonly stepsPercent: readonly number[];
  readonly judge: JudgePolicy;
  /** After promotion the version is watched for so long with the previous one kept warm, seconds. */
  readonly bakeSeconds: number;
  /** Seconds between two readings of the counters. */
  readonly tickSeconds: number;
  readonly sticky: boolean;
}

/** The one argument of `runLifecycle`. */
export interface LifecycleRequest {
  readonly schemaVersion: 1;
  readonly model: string;
  readonly version: string;
  /** Who made the version, by the name under which approvers are enrolled. */
  readonly author: string;
  readonly backends: BackendChoice;
  readonly data: {
    /** `file:///…`, or what the artifacts backend can import. */
    readonly uri: string;
    readonly contract: DataContract;
    /** A pipeline of another system (Airflow, KFP, …) that makes the data before it is imported. */
    readonly refresh?: RefreshRequest;
  };
  readonly training: TrainingRequest;
  readonly evaluation: EvaluationPolicy;
  readonly approval: ApprovalRequest;
  readonly release: ReleaseRequest;
  /** US dollars; null for no cap. */
  readonly costUsdMax: number | null;
}
