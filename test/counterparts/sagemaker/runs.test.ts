import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { backend } from '../../../backends/sagemaker/index.ts';
import type { OpenBackend } from '../../../core/backend.ts';
import type { PipelineHandle } from '../../../core/ports/pipeline.ts';
import {
  expectCode,
  freshName,
  pipelineIntent,
  tuningIntent,
} from '../../support/contract/harness.ts';
import { until } from '../../support/until.ts';
import { openTestLayer, settingsFor } from './far-side.ts';
import { livingJob } from './works.ts';
import type { Layer } from './layer/server.ts';
import { WireError } from './layer/wire.ts';

const DEFINITION = {
  Version: '2020-12-01',
  Steps: [
    { Name: 'prepare', Type: 'Processing' },
    { Name: 'train', Type: 'Training' },
    { Name: 'ask', Type: 'Callback' },
  ],
};

describe('Runs and searches of SageMaker', () => {
  let layer: Layer;
  let open: OpenBackend;
  const name = freshName('pipeline');
  const pipeline = () => open.ports.pipeline!;
  const intentOf = (life: object = {}, nonce = freshName('run')) =>
    pipelineIntent({ pipeline: name, params: { life: JSON.stringify(life) } }, nonce);
  beforeAll(async () => {
    layer = await openTestLayer();
    open = await backend.open(settingsFor(layer.url));
    const content = { kind: 'source' as const, text: JSON.stringify(DEFINITION) };
    await open.ports.definitions!.put({ name, content });
  });
  afterAll(async () => {
    await open.close();
    await layer.close();
  });

  const endOf = (handle: PipelineHandle) =>
    until('the run ends', async () => {
      const reading = await pipeline().read(handle);
      return reading.phase === 'running' ? null : reading;
    });

  it('tell what each step made', async () => {
    const { handle } = await pipeline().start(intentOf());
    const { lineage, phase } = await endOf(handle);
    expect(phase).toBe('succeeded');
    expect(lineage.map(({ task, direction, type }) => ({ task, direction, type }))).toEqual([
      { task: 'prepare', direction: 'output', type: 'ProcessingJob' },
      { task: 'train', direction: 'output', type: 'TrainingJob' },
    ]);
    expect(lineage[1]!.uri).toMatch(/^arn:aws:sagemaker:.+:training-job\//);
  });

  it('that wait for a callback are stopped with it, though the stop alone leaves it waiting', async () => {
    const { handle } = await pipeline().start(intentOf({ waits: 'ask' }));
    await until('it waits', async () => {
      const { tasks } = await pipeline().read(handle);
      return tasks.some((task) => task.name === 'ask' && task.phase === 'running') ? true : null;
    });
    const stopped = await pipeline().stop(handle);
    expect(stopped.phase).toBe('cancelled');
    expect(stopped.tasks.find((task) => task.name === 'ask')?.phase).toBe('failed');
  });

  it('that failed are retried once for one failed state, from the step that failed', async () => {
    const { handle } = await pipeline().start(intentOf({ fails: 'train', failures: 1 }));
    expect((await endOf(handle)).phase).toBe('failed');
    await Promise.all([pipeline().retry(handle), pipeline().retry(handle)]);
    expect(layer.pipelines.executions.get(handle.remoteId)!.attempts).toHaveLength(2);
    expect(layer.pipelines.executions.get(handle.remoteId)!.attempts[1]!.firstStep).toBe(1);
    expect((await endOf(handle)).phase).toBe('succeeded');
    expect((await pipeline().retry(handle)).phase).toBe('succeeded');
  });

  it('whose token AWS has forgotten are found by their name and started once', async () => {
    const intent = intentOf({ stepSeconds: 1e6 });
    const { handle } = await pipeline().start(intent);
    layer.pipelines.forgetTokens();
    expect(await pipeline().start(intent)).toEqual({ handle, outcome: 'adopted' });
    await pipeline().stop(handle);
  });

  it('that clash with another caller are found after the conflict', async () => {
    const intent = intentOf({ stepSeconds: 1e6 });
    const { handle } = await pipeline().start(intent);
    layer.pipelines.hideOnce(handle.remoteId);
    layer.failNext(
      'StartPipelineExecution',
      new WireError('ConflictException', 'another is at it'),
    );
    expect((await pipeline().start(intent)).handle).toEqual(handle);
    await pipeline().stop(handle);
  });

  it.each([
    ['a version that is no number', { version: 'v2' }, 'SPEC_REJECTED'],
    ['a name that no pipeline can have', { pipeline: 'a/b' }, 'SPEC_REJECTED'],
  ] as const)('with %s are %s', async (_, more, code) => {
    const intent = intentOf();
    await expectCode(pipeline().start({ ...intent, spec: { ...intent.spec, ...more } }), code);
  });

  it('of a definition that is a data flow are OPERATION_UNSUPPORTED, of no JSON SPEC_REJECTED', async () => {
    const { definitions } = open.ports;
    const schedule = { kind: 'manual' as const };
    const flow = { description: '', schedule, deadlineSeconds: null, tasks: [] };
    const put = (content: Parameters<NonNullable<typeof definitions>['put']>[0]['content']) =>
      definitions!.put({ name: freshName('p'), content });
    await expectCode(put({ kind: 'flow', flow }), 'OPERATION_UNSUPPORTED');
    await expectCode(put({ kind: 'source', text: '{' }), 'SPEC_REJECTED');
  });

  it('by grid try every point, with numbers read back as numbers', async () => {
    const tuning = open.ports.tuning!;
    const intent = tuningIntent(livingJob({}), freshName('grid'));
    const spec = { ...intent.spec, algorithm: 'grid' as const };
    const { handle } = await tuning.start({ ...intent, spec });
    const config = layer.searches.records.get(handle.key.slice(0, 32))!.request
      .HyperParameterTuningJobConfig!;
    expect(config).toMatchObject({
      Strategy: 'Grid',
      ResourceLimits: { MaxNumberOfTrainingJobs: 4, MaxParallelTrainingJobs: 2 },
      ParameterRanges: {
        CategoricalParameterRanges: [
          { Name: 'rate', Values: ['0.01', '1'] },
          { Name: 'kind', Values: ['a', 'b'] },
        ],
      },
    });
    const reading = await tuning.read(handle);
    expect(typeof reading.trials[0]!.params['rate']).toBe('number');
    expect(typeof reading.trials[0]!.params['kind']).toBe('string');
    await tuning.stop(handle);
  });

  it('by a grid that is larger than its trials are SPEC_REJECTED', async () => {
    const intent = tuningIntent(livingJob({}), freshName('grid'));
    const spec = { ...intent.spec, algorithm: 'grid' as const, trialsMax: 3 };
    await expectCode(open.ports.tuning!.start({ ...intent, spec }), 'SPEC_REJECTED');
  });

  it('by median rule ask for early stopping, and bill the seconds of all trials', async () => {
    const tuning = open.ports.tuning!;
    const intent = tuningIntent(livingJob({ trainingSeconds: 8 }), freshName('median'));
    const spec = { ...intent.spec, earlyStopping: 'median' as const };
    const { handle } = await tuning.start({ ...intent, spec });
    expect(
      layer.searches.records.get(handle.key.slice(0, 32))!.request.HyperParameterTuningJobConfig,
    ).toMatchObject({ TrainingJobEarlyStoppingType: 'Auto', RandomSeed: 7 });
    const reading = await until('the search ends', async () => {
      const now = await tuning.read(handle);
      return now.phase === 'running' ? null : now;
    });
    expect(reading).toMatchObject({ phase: 'succeeded', billableSeconds: 40 });
  });
});
