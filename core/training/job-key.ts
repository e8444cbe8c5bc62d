import { digestOf } from '../canonical.ts';
import type { JobIntent, JobSpec } from '../ports/compute.ts';

/** What makes a piece of remote work this one and no other. */
export interface JobIdentity {
  readonly workflowId: string;
  /** The first run of a chain of continue-as-new and resets, so that those keep the key. */
  readonly firstRunId: string;
  readonly step: string;
  /** 1, 2, …: a dead job under our key means the next one. */
  readonly attempt: number;
}

/** Hexadecimal digits of a key; far sides allow 63 characters at most, and letters must lead. */
const KEY_DIGITS = 40;

/**
 * The same for every retry of the step, another for every attempt:
 * `j` + digest(workflow id, first run id, step, attempt ordinal, input).
 */
export function jobIntent(identity: JobIdentity, spec: JobSpec): JobIntent {
  return workIntent(identity, spec);
}

/** The same for any kind of remote work: a pipeline run, a search. */
export function workIntent<Spec>(
  identity: JobIdentity,
  spec: Spec,
): { readonly key: string; readonly specDigest: string; readonly spec: Spec } {
  const specDigest = digestOf(spec);
  return { key: `j${digestOf([identity, specDigest]).slice(0, KEY_DIGITS)}`, specDigest, spec };
}

/** One checkpoint folder for all attempts of a step. */
export function checkpointScope(identity: Omit<JobIdentity, 'attempt'>): string {
  return `c${digestOf(['checkpoints', identity]).slice(0, KEY_DIGITS)}`;
}
