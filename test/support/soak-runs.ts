import type { Client, WorkflowHandle } from '@temporalio/client';

import type { ArtifactRef } from '../../core/ports/artifacts.ts';
import type { ContractJob, ContractPipeline } from './contract/harness.ts';

const SECONDS_OF_A_JOB_MAX = 600;

/** A piece of work as the far side accounts for it. */
export interface FarWork {
  readonly key: string;
  readonly workflowId: string;
  readonly live: boolean;
}

/** What a harness module exports as `soaks`: name → how to open it. */
export type OpenSoak = () => Promise<Soak>;
export interface Soak {
  /** Name in the registry. */
  readonly backend: string;
  /** Settings of the backend for worker processes, on the real counterpart. */
  readonly settings: unknown;
  /** Variables that the SDK of the backend looks for in a worker process; default none. */
  readonly env?: Readonly<Record<string, string>>;
  /** What runs: a job through `trainModel`, or a run through `runPipeline`; each ends within seconds. */
  readonly work:
    | {
        readonly port: 'compute';
        readonly job: ContractJob;
        /** An input that the backend can stage. */
        readonly data: ArtifactRef;
      }
    | { readonly port: 'pipeline'; readonly run: ContractPipeline };
  /** Everything that workers of this soak made, dead or alive, asked of the far side itself. */
  ledger(): Promise<readonly FarWork[]>;
  close(): Promise<void>;
}

/** Starts the run that is the n-th of a soak. */
export function startRun(
  client: Client,
  soak: Soak,
  seed: number,
  nth: number,
): Promise<WorkflowHandle> {
  const version = `r${seed}-${nth}`;
  const base = { schemaVersion: 1, model: 'soak', version };
  const { work, backend } = soak;
  const backends = { default: 'sim', [work.port]: backend };
  if (work.port === 'compute') {
    const program = {
      command: work.job.command,
      params: { nonce: version },
      timeoutSeconds: SECONDS_OF_A_JOB_MAX,
    };
    const training = {
      prepare: program,
      train: program,
      resources: { cpus: 1, memoryMiB: 128 },
      graceSeconds: 5,
    };
    const { data } = work;
    return client.workflow.start('trainModel', {
      taskQueue: 'orchestrate',
      workflowId: `training/soak/${version}`,
      args: [{ ...base, backends, data, training }],
    });
  }
  const pipeline = {
    pipeline: work.run.pipeline,
    version: null,
    params: { ...work.run.params, nonce: version },
    timeoutSeconds: SECONDS_OF_A_JOB_MAX,
  };
  return client.workflow.start('runPipeline', {
    taskQueue: 'orchestrate',
    workflowId: `pipeline/soak/${version}/soak`,
    args: [{ ...base, name: 'soak', backends, pipeline }],
  });
}
