import type { Clock, Ports } from '../../../core/backend.ts';
import { jobIntent, workIntent } from '../../../core/training/job-key.ts';
import type { PipelineDefinition } from '../../../core/ports/definitions.ts';
import type { PipelineIntent, PipelineSpec } from '../../../core/ports/pipeline.ts';
import type { TuningIntent, TuningSpec } from '../../../core/ports/tuning.ts';
import type { JobIntent, JobSpec } from '../../../core/ports/compute.ts';
import type { OpenBackend } from '../../../core/backend.ts';
import { OrreryError, type ErrorCode } from '../../../core/errors.ts';
import { expect } from '@jest/globals';

/** A job in the words of one backend: its command, and what the simulated world needs to know. */
export interface ContractJob {
  readonly command: readonly string[];
  readonly version: string;
  readonly outputs: readonly string[];
}

/** A backend that was opened for its contract, with what the contract must know of its outside. */
export interface Harness {
  readonly ports: Partial<Ports>;
  readonly clock: Clock;
  /** Needed for `compute`. */
  readonly job?: {
    readonly succeeds: ContractJob;
    readonly fails: ContractJob;
    /** Runs until it is stopped. */
    readonly runsLong: ContractJob;
  };
  /** Needed for `artifacts`: something to import with its bytes, and something that is not there. */
  readonly importable?: {
    readonly uri: string;
    readonly bytes: Uint8Array;
    readonly missingUri: string;
  };
  /** Needed for `signer`: an approver who is enrolled, by key id. */
  readonly approver?: {
    readonly keyId: string;
    readonly name: string;
    readonly publicKey: string;
  };
  /** Needed for `serving`: the bytes of a model file that it can load. */
  readonly modelBytes?: (version: string) => Promise<Uint8Array>;
  /** Needed for `traffic`: the address of something that answers requests, and that the route can lead to. */
  readonly upstream?: (version: string, route: string) => Promise<string>;
  /** Needed for `metrics`: sends requests through a route, or lets time send them. */
  readonly sendRequests?: (routeAddress: string, route: string, count: number) => Promise<void>;
  /** Needed for `pipeline`. */
  readonly pipeline?: {
    readonly succeeds: ContractPipeline;
    readonly fails: ContractPipeline;
    /** Runs until it is stopped. */
    readonly runsLong: ContractPipeline;
    /** Whether the far side can run the failed tasks again. */
    readonly retries: boolean;
    /** A well-formed remote id that nobody has. */
    readonly unknownRemoteId: (key: string) => string;
  };
  /** Needed for `tuning`. */
  readonly tuning?: {
    readonly succeeds: ContractJob;
    readonly runsLong: ContractJob;
    readonly unknownRemoteId: (key: string) => string;
  };
  /** Needed for `definitions`: content that differs with its variant. */
  readonly definition?: (variant: number) => PipelineDefinition['content'];
  /** What the far side cannot do; the contract then expects OPERATION_UNSUPPORTED. Default: nothing. */
  readonly cannot?: readonly ('mirror' | 'sticky')[];
  /**
   * Facts of the counterpart, not of the backend: `loads-models` is false for one that never opens
   * the file that it serves. Default: it does.
   */
  readonly loadsModels?: boolean;
  close(): Promise<void>;
}
/** A run of a pipeline that the counterpart has. */
export interface ContractPipeline {
  readonly pipeline: string;
  readonly params: PipelineSpec['params'];
}
export type OpenHarness = () => Promise<Harness>;

/** The port of a harness, for the suite of exactly that port. */
export function portOf<Name extends keyof Ports>(harness: Harness, name: Name): Ports[Name] {
  const port = harness.ports[name];
  if (port === undefined) throw new Error(`Cannot test ${name}: the backend did not open it`);
  return port;
}

/** What the suite of a port needs from its harness. */
export function needed<Value>(value: Value | undefined, what: string): Value {
  if (value === undefined) throw new Error(`Cannot test this port: the harness has no ${what}`);
  return value;
}

/** A spec that differs from every other by its nonce. */
export function contractSpec(job: ContractJob, nonce: string): JobSpec {
  return {
    kind: 'train',
    command: job.command,
    params: { nonce },
    inputs: {},
    outputs: job.outputs,
    checkpointScope: null,
    resources: { cpus: 1, memoryMiB: 128 },
    timeoutSeconds: 120,
    graceSeconds: 5,
    labels: { model: 'contract', version: job.version, workflowId: `training/contract/${nonce}` },
  };
}

export function contractIntent(job: ContractJob, nonce: string, attempt = 1): JobIntent {
  const identity = {
    workflowId: `training/contract/${nonce}`,
    firstRunId: 'r',
    step: 's',
    attempt,
  };
  return jobIntent(identity, contractSpec(job, nonce));
}

/** A run that differs from every other by its nonce. */
export function pipelineIntent(run: ContractPipeline, nonce: string): PipelineIntent {
  const workflowId = `pipeline/contract/${nonce}`;
  const spec: PipelineSpec = {
    pipeline: run.pipeline,
    version: null,
    params: { ...run.params, nonce },
    timeoutSeconds: 600,
    labels: { model: 'contract', version: 'v1', workflowId },
  };
  return workIntent({ workflowId, firstRunId: 'r', step: 's', attempt: 1 }, spec);
}

/** A small search whose objective is `score`, larger is better. */
export function tuningIntent(job: ContractJob, nonce: string): TuningIntent {
  const { labels, checkpointScope: _, ...trial } = contractSpec(job, nonce);
  const spec: TuningSpec = {
    trial,
    space: [
      { name: 'rate', type: 'double', min: 0.01, max: 1, scale: 'log', gridPoints: 2 },
      { name: 'kind', type: 'categorical', values: ['a', 'b'] },
    ],
    objective: { metric: 'score', goal: 'maximize' },
    algorithm: 'random',
    earlyStopping: 'none',
    trialsMax: 4,
    parallelMax: 2,
    failedMax: 1,
    seed: 7,
    timeoutSeconds: 600,
    labels,
  };
  const identity = { workflowId: labels.workflowId, firstRunId: 'r', step: 's', attempt: 1 };
  return workIntent(identity, spec);
}

/** A name that no earlier run of the contract on the same backend has used. */
export function freshName(prefix: string): string {
  fresh += 1;
  return `${prefix}-${process.pid}-${Date.now().toString(36)}-${fresh}`;
}
let fresh = 0;

/** Expects a call to fail with one code of the catalogue. */
export async function expectCode(call: Promise<unknown>, code: ErrorCode): Promise<void> {
  const error: unknown = await call.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(OrreryError);
  expect((error as OrreryError).code).toBe(code);
}

/** Takes `close` and ports from a backend that is open, with the system's clock if it has none. */
export function openPorts(open: OpenBackend): Pick<Harness, 'ports' | 'clock' | 'close'> {
  return { ports: open.ports, clock: open.clock ?? systemClock, close: () => open.close() };
}

const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};
