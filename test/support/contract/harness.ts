import type { Clock, Ports } from '../../../core/backend.ts';
import { jobIntent } from '../../../core/training/job-key.ts';
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
  /** Needed for `traffic`: the address of something that answers requests. */
  readonly upstream?: (version: string) => Promise<string>;
  /** Needed for `metrics`: sends requests through a route, or lets time send them. */
  readonly sendRequests?: (routeAddress: string, route: string, count: number) => Promise<void>;
  close(): Promise<void>;
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
