import { describe, expect, it } from '@jest/globals';

import type { KubernetesClient } from '../../../backends/connections/kubernetes/client.ts';
import { experimentOf } from '../../../backends/kubeflow/katib/experiment.ts';
import type { Experiment, Trial } from '../../../backends/kubeflow/katib/objects.ts';
import { experimentPhase, readingOf } from '../../../backends/kubeflow/katib/reading.ts';
import { backend } from '../../../backends/kubeflow/index.ts';
import { trainerSettings } from '../../../backends/kubeflow/trainer/settings.ts';
import { KatibTuning } from '../../../backends/kubeflow/tuning.ts';
import { OrreryError } from '../../../core/errors.ts';
import type { TuningIntent, TuningSpec } from '../../../core/ports/tuning.ts';
import { faultsOf } from '../../counterparts/kubeflow/katib/acceptance.ts';
import { filled } from '../../counterparts/kubeflow/katib/controller.ts';
import { expectCode, tuningIntent } from '../../support/contract/harness.ts';

const trainer = trainerSettings.parse({
  runtimes: { train: { name: 'torch' } },
  outputUri: 's3://models/orrery',
});
const job = { command: ['/bin/train'], version: 'v1', outputs: ['model.onnx'] };
const intentWith = (changes: Partial<TuningSpec>): TuningIntent => {
  const intent = tuningIntent(job, 'n1');
  return { ...intent, spec: { ...intent.spec, ...changes } };
};
const manifest = (changes: Partial<TuningSpec> = {}) =>
  experimentOf(intentWith(changes), 'ml', trainer) as Experiment;

describe('experimentOf', () => {
  it.each([
    ['random', 'none'],
    ['grid', 'none'],
    ['bayesian', 'median'],
  ] as const)('makes what Katib accepts for %s with early stopping %s', (algorithm, early) => {
    expect(faultsOf(manifest({ algorithm, earlyStopping: early }))).toEqual([]);
  });

  it('says scale, seed and goal in Katib’s words', () => {
    expect(manifest({ algorithm: 'bayesian' }).spec).toMatchObject({
      objective: { type: 'maximize', objectiveMetricName: 'score' },
      algorithm: {
        algorithmName: 'bayesianoptimization',
        algorithmSettings: [{ name: 'random_state', value: '7' }],
      },
      parameters: [
        {
          name: 'rate',
          parameterType: 'double',
          feasibleSpace: { min: '0.01', max: '1', distribution: 'logUniform' },
        },
        { name: 'kind', parameterType: 'categorical', feasibleSpace: { list: ['a', 'b'] } },
      ],
    });
  });

  it('tells a grid by its points and has no more trials than it has', () => {
    const { spec } = manifest({ algorithm: 'grid', trialsMax: 100, parallelMax: 50, failedMax: 9 });
    expect(spec.parameters[0]).toMatchObject({
      parameterType: 'discrete',
      feasibleSpace: { list: ['0.01', '1'] },
    });
    expect([spec.maxTrialCount, spec.parallelTrialCount, spec.maxFailedTrialCount]).toEqual([
      4, 4, 4,
    ]);
  });

  it('puts numbers and texts of a trial into the JSON that its program reads', () => {
    const run = filled(manifest(), 'trial-1', [
      { name: 'rate', value: '0.25' },
      { name: 'kind', value: 'b' },
    ]) as unknown as { spec: { trainer: { env: { name: string; value: string }[] } } };
    const env = Object.fromEntries(run.spec.trainer.env.map(({ name, value }) => [name, value]));
    expect(JSON.parse(env['ORRERY_PARAMS_JSON']!)).toEqual({ nonce: 'n1', rate: 0.25, kind: 'b' });
    expect(env['ORRERY_JOB_KEY']).toBe('trial-1');
    expect(env['ORRERY_OUTPUT_URI']).toBe('s3://models/orrery/trial-1');
  });

  it('keeps the names of pods within 63 characters', () => {
    const trial = `${manifest().metadata.name}-12345678`;
    expect(`${trial}-node-0-999-abcde`.length).toBeLessThanOrEqual(63);
  });

  it.each([
    ['a parameter', [{ name: 'a}b', type: 'categorical', values: ['x'] }]],
    ['a value', [{ name: 'a', type: 'categorical', values: ['say "x"'] }]],
    ['a value', [{ name: 'a', type: 'categorical', values: ['${trialParameters.b}'] }]],
  ] as const)('refuses %s that the template cannot carry', (_, space) => {
    expect(() => manifest({ space })).toThrow('its template cannot carry');
  });
});

describe('readingOf', () => {
  const condition = (type: string) => ({ type, status: 'True' as const, message: `is ${type}` });
  const trial = (name: string, type: string, latest?: string): Trial => ({
    metadata: { name, uid: name, resourceVersion: '1', creationTimestamp: '' },
    spec: {
      parameterAssignments: [
        { name: 'rate', value: '0.5' },
        { name: 'kind', value: 'a' },
      ],
    },
    status: {
      startTime: '2026-11-24T12:00:00Z',
      completionTime: '2026-11-24T12:00:10Z',
      conditions: [condition(type)],
      ...(latest === undefined ? {} : { observation: { metrics: [{ name: 'score', latest }] } }),
    },
  });
  const at = { now: Date.parse('2026-11-24T12:01:00Z') / 1000, logUri: 'log' };

  it.each([
    ['EarlyStopped', 'stopped'],
    ['MetricsUnavailable', 'failed'],
    ['Failed', 'failed'],
    ['Succeeded', 'succeeded'],
    ['Killed', 'cancelled'],
    ['Running', 'running'],
    ['Created', 'pending'],
  ])('reads a trial that is %s as %s', (type, phase) => {
    expect(readingOf(manifest(), [trial('t', type)], at).trials[0]?.phase).toBe(phase);
  });

  it.each([
    [['Created'], 'pending'],
    [['Created', 'Running'], 'running'],
    [['Restarting'], 'running'],
    [['Running', 'Succeeded'], 'succeeded'],
    [['Failed'], 'failed'],
  ])('reads conditions %j as %s', (types, phase) => {
    expect(experimentPhase(types.map(condition))).toBe(phase);
  });

  it('takes values and the best trial as Katib tells them', () => {
    const told: Experiment = {
      ...manifest(),
      status: { conditions: [condition('Running')], currentOptimalTrial: { bestTrialName: 'b' } },
    };
    const trials = [trial('b', 'Succeeded', '0.9'), trial('a', 'Succeeded', 'unavailable')];
    const reading = readingOf(told, trials, at);
    expect(reading.trials.map(({ name, value }) => [name, value])).toEqual([
      ['a', null],
      ['b', 0.9],
    ]);
    expect(reading.best).toMatchObject({ name: 'b', value: 0.9, params: { rate: 0.5, kind: 'a' } });
    expect(reading.billableSeconds).toBe(20);
  });
});

describe('KatibTuning', () => {
  /** A cluster without Katib: no group answers. */
  const bare = {
    namespace: 'ml',
    server: 'https://cluster',
    get: () =>
      Promise.reject(
        new OrreryError('VERSION_UNSUPPORTED', 'no such resource', { details: { status: 404 } }),
      ),
  } as unknown as KubernetesClient;

  it('names our own search where the cluster has no Katib', async () => {
    const start = new KatibTuning(bare, trainer).start(tuningIntent(job, 'n1'));
    await expect(start).rejects.toThrow('engine "orrery"');
    await expectCode(new KatibTuning(bare, trainer).start(tuningIntent(job, 'n1')), 'PORT_MISSING');
  });

  it('is not opened without the trainer that runs its trials', async () => {
    const cluster = { namespace: 'ml', kubeconfig: '/nowhere/kubeconfig' };
    const settings = backend.settings.parse({ cluster, katib: {} });
    await expectCode(backend.open(settings), 'SETTINGS_INVALID');
  });
});
