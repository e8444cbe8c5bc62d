import { describe, expect, it } from '@jest/globals';
import type { JobPhase, JobReading, JobSpec } from '../../core/ports/compute.ts';
import {
  attemptEnd,
  EXIT_PREEMPTED,
  EXIT_REJECTED,
  JOB_POLICY_DEFAULT,
} from '../../core/training/attempts.ts';
import { checkpointScope, jobIntent } from '../../core/training/job-key.ts';

const REF = { uri: 'file:///d', sha256: 'd'.repeat(64), bytes: 1 };
const SPEC: JobSpec = {
  kind: 'train',
  command: ['train'],
  params: { depth: 3 },
  inputs: { 'train.csv': REF },
  outputs: ['model.onnx'],
  checkpointScope: null,
  resources: { cpus: 1, memoryMiB: 512 },
  timeoutSeconds: 60,
  graceSeconds: 5,
  labels: { model: 'fraud', version: 'v1', workflowId: 'training/fraud/v1' },
};
const IDENTITY = { workflowId: 'training/fraud/v1', firstRunId: 'r1', step: 'train', attempt: 1 };

describe('attemptEnd', () => {
  const reading = (phase: JobPhase, code: number | null | undefined): JobReading => ({
    phase,
    revision: 1,
    progress: null,
    exit: code === undefined ? null : { code, signal: null },
    billableSeconds: 1,
    outputs: {},
    reason: 'because',
    logUri: 'file:///log',
  });

  it.each([
    ['succeeded', 0, 'done'],
    ['running', undefined, 'stop'],
    ['pending', undefined, 'stop'],
    ['failed', 1, 'JOB_FAILED'],
    ['failed', null, 'JOB_FAILED'],
    ['failed', undefined, 'JOB_FAILED'],
    ['failed', EXIT_PREEMPTED, 'JOB_FAILED'],
    ['failed', EXIT_REJECTED, 'JOB_REJECTED'],
    ['cancelled', null, 'JOB_FAILED'],
    ['lost', undefined, 'JOB_LOST'],
  ] as const)('after %s with exit %s is %s', (phase, code, expected) => {
    const end = attemptEnd({ reading: reading(phase, code), stalled: false }, JOB_POLICY_DEFAULT);
    expect(end.kind === 'setback' ? end.code : end.kind).toBe(expected);
  });

  it('says how long a stalled job told nothing', () => {
    const watch = { reading: reading('running', undefined), stalled: true };
    expect(attemptEnd(watch, { ...JOB_POLICY_DEFAULT, stallSeconds: 90 })).toEqual({
      kind: 'stop',
      reason: 'no progress for 90 s',
    });
  });
});

describe('jobIntent', () => {
  const key = (identity = IDENTITY, spec = SPEC): string => jobIntent(identity, spec).key;

  it('gives the same key for the same step and input, whatever the order of members', () => {
    const shuffled = Object.fromEntries(Object.entries(SPEC).toReversed()) as unknown as JobSpec;
    expect(key(IDENTITY, shuffled)).toBe(key());
    expect(key()).toMatch(/^j[0-9a-f]{40}$/);
  });

  it.each([
    ['another workflow', { ...IDENTITY, workflowId: 'training/fraud/v2' }, SPEC],
    ['another first run', { ...IDENTITY, firstRunId: 'r2' }, SPEC],
    ['another step', { ...IDENTITY, step: 'prepare' }, SPEC],
    ['another attempt', { ...IDENTITY, attempt: 2 }, SPEC],
    ['another parameter', IDENTITY, { ...SPEC, params: { depth: 4 } }],
    ['a parameter of another type', IDENTITY, { ...SPEC, params: { depth: '3' } }],
    ['another input', IDENTITY, { ...SPEC, inputs: { 'train.csv': { ...REF, bytes: 2 } } }],
    ['another time limit', IDENTITY, { ...SPEC, timeoutSeconds: 61 }],
    ['another command', IDENTITY, { ...SPEC, command: ['train', '--fast'] }],
  ] as const)('gives another key for %s', (_, identity, spec) => {
    expect(key(identity, spec)).not.toBe(key());
  });

  it('gives one checkpoint folder to all attempts of a step and another to other steps', () => {
    const { attempt: _, ...step } = IDENTITY;
    expect(checkpointScope(step)).toBe(checkpointScope({ ...step }));
    expect(checkpointScope(step)).not.toBe(checkpointScope({ ...step, step: 'prepare' }));
    expect(checkpointScope(step)).toMatch(/^c[0-9a-f]{40}$/);
  });
});
