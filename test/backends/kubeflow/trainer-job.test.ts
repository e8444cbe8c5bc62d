import { describe, expect, test } from '@jest/globals';

import { readManifest } from '../../../backends/kubeflow/trainer/manifest.ts';
import { endRecordOf } from '../../../backends/kubeflow/trainer/record.ts';
import { trainerSettings } from '../../../backends/kubeflow/trainer/settings.ts';
import { trainJobOf } from '../../../backends/kubeflow/trainer/train-job.ts';
import type { TrainJob } from '../../../backends/kubeflow/trainer/train-job.ts';
import { contractIntent } from '../../support/contract/harness.ts';

const REF = { uri: 's3://b/m', sha256: 'a'.repeat(64), bytes: 1 };

describe('readManifest', () => {
  test.each([
    [undefined, 'told no outputs'],
    ['not json', 'is not JSON'],
    ['{"outputs":{}}', 'lacks model.onnx'],
    [JSON.stringify({ outputs: { 'model.onnx': { ...REF, sha256: 'XY' } } }), 'is wrong at'],
  ])('finds fault with %j', (text, fault) => {
    expect(readManifest(text, ['model.onnx'])).toEqual({
      fault: expect.stringContaining(fault) as unknown,
    });
  });

  test('wants nothing of a program that declares nothing', () => {
    expect(readManifest(undefined, [])).toEqual({ outputs: {} });
  });
});

describe('endRecordOf', () => {
  const record = { phase: 'cancelled', exit: null, billableSeconds: 1, outputs: {}, reason: '' };
  const text = JSON.stringify({ ...record, startedAt: null });
  const ended = (suspend: boolean, value = text): TrainJob => ({
    metadata: {
      name: 'j1',
      uid: 'uid',
      resourceVersion: '1',
      creationTimestamp: '2026-11-24T10:00:00Z',
      annotations: { 'orrery-end': value },
    },
    spec: { suspend },
  });

  test('does not count for a job that somebody resumed after it was stopped', () => {
    expect(endRecordOf(ended(true))?.phase).toBe('cancelled');
    expect(endRecordOf(ended(false))).toBeNull();
  });

  test('does not count when somebody wrote something else there', () => {
    expect(endRecordOf(ended(true, '{"phase":"fine"}'))).toBeNull();
    expect(endRecordOf(ended(true, 'fine'))).toBeNull();
  });
});

describe('trainJobOf', () => {
  const settings = trainerSettings.parse({
    runtimes: { train: { name: 'orrery', nodes: 2 } },
    programs: { fraud: { image: 'fraud:7', command: ['python', '-m', 'fraud'] } },
    outputUri: 's3://models/orrery',
  });
  const intent = contractIntent({ command: ['fraud', '--x'], version: 'v1.', outputs: ['m'] }, 'n');

  test('names the job by its key and puts a program in the place of its word', () => {
    expect(trainJobOf(intent, 'training', settings)).toMatchObject({
      metadata: { name: intent.key, namespace: 'training' },
      spec: {
        runtimeRef: { name: 'orrery', kind: 'ClusterTrainingRuntime' },
        activeDeadlineSeconds: 120,
        trainer: { image: 'fraud:7', command: ['python', '-m', 'fraud', '--x'], numNodes: 2 },
      },
    });
  });

  test('leaves a version that can be no label to the annotations', () => {
    const { metadata } = trainJobOf(intent, 'training', settings) as TrainJob;
    expect(metadata.labels).not.toHaveProperty('orrery-version');
    expect(metadata.annotations).toMatchObject({
      'orrery-version': 'v1.',
      'orrery-workflow-id': intent.spec.labels.workflowId,
    });
  });

  test('tells the program where its outputs and checkpoints go', () => {
    const scoped = { ...intent, spec: { ...intent.spec, checkpointScope: 'c1' } };
    const { spec } = trainJobOf(scoped, 'training', settings) as TrainJob;
    const env = Object.fromEntries(
      (spec.trainer?.env ?? []).map(({ name, value }) => [name, value]),
    );
    expect(env).toMatchObject({
      ORRERY_JOB_KEY: intent.key,
      ORRERY_OUTPUT_URI: `s3://models/orrery/${intent.key}`,
      ORRERY_CHECKPOINT_URI: 's3://models/orrery/checkpoints/c1',
      ORRERY_PARAMS_JSON: '{"nonce":"n"}',
      ORRERY_MANIFEST_FILE: '/dev/termination-log',
    });
  });
});
