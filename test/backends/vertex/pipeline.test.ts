import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { PipelineIntent } from '../../../core/ports/pipeline.ts';
import {
  expectCode,
  freshName,
  pipelineIntent,
  tuningIntent,
} from '../../support/contract/harness.ts';
import { until } from '../../support/until.ts';
import { studyFor } from '../../../backends/vertex/tuning.ts';
import type { Message } from './double/protos.ts';
import { COURSES, openVertex, pipelineSpec, ROOT_URI } from './opened.ts';
import type { Opened } from './opened.ts';

const TEMPLATE = 'https://templates.example/p/r/train';

describe('pipeline of vertex', () => {
  let opened: Opened;
  beforeAll(async () => {
    opened = await openVertex({
      courses: { ...COURSES, outruns: { ends: 'never', outrunsCancel: true } },
      templates: { [`${TEMPLATE}/sha256:1`]: pipelineSpec('succeeds') as Message },
    });
    const { objects } = opened.double.world;
    for (const name of ['succeeds', 'runs-long', 'outruns']) {
      const text = JSON.stringify(pipelineSpec(name));
      objects.set(`${ROOT_URI}/pipelines/${name}.json`, Buffer.from(text));
    }
    objects.set('gs://specs-of-tests/flow.json', Buffer.from(JSON.stringify(pipelineSpec('x'))));
    objects.set('gs://specs-of-tests/broken.json', Buffer.from('pipelineInfo: {}'));
    objects.set('gs://specs-of-tests/empty.json', Buffer.from('{}'));
  });
  afterAll(() => opened.close());

  const intentOf = (pipeline: string, more: Partial<PipelineIntent['spec']> = {}) => {
    const intent = pipelineIntent({ pipeline, params: {} }, freshName('p'));
    return { ...intent, spec: { ...intent.spec, ...more } };
  };
  const end = async (intent: PipelineIntent) => {
    const { handle } = await opened.ports.pipeline.start(intent);
    return until('the run ends', async () => {
      const reading = await opened.ports.pipeline.read(handle);
      return ['pending', 'running'].includes(reading.phase) ? null : reading;
    });
  };

  it('runs a template of the registry under the version that is named', async () => {
    const reading = await end(intentOf(TEMPLATE, { version: 'sha256:1' }));
    expect(reading.phase).toBe('succeeded');
    await expectCode(opened.ports.pipeline.start(intentOf(TEMPLATE)), 'NOT_FOUND');
  });

  it('tells the lineage of each task, inputs and outputs with their types', async () => {
    const { lineage } = await end(intentOf('gs://specs-of-tests/flow.json'));
    expect(lineage).toContainEqual({
      task: 'step-1',
      direction: 'input',
      name: 'dataset',
      uri: 'gs://data/table',
      type: 'system.Dataset',
    });
    expect(lineage.filter(({ direction }) => direction === 'output')).toHaveLength(2);
  });

  it('refuses a spec that is no JSON, and keeps the words of a far side that refuses one', async () => {
    const broken = opened.ports.pipeline.start(intentOf('gs://specs-of-tests/broken.json'));
    await expectCode(broken, 'SPEC_REJECTED');
    const empty = opened.ports.pipeline.start(intentOf('gs://specs-of-tests/empty.json'));
    await expectCode(empty, 'SPEC_REJECTED');
    await expect(empty).rejects.toThrow('no pipelineInfo.name or root');
  });

  it('ends a run over its limit and tells it as failed', async () => {
    const reading = await end(intentOf('runs-long', { timeoutSeconds: 1 }));
    expect(reading.phase).toBe('failed');
    expect(reading.reason).toContain('over its limit of 1 s');
  });

  it('tells a run that succeeds while it is being cancelled as succeeded', async () => {
    const { handle } = await opened.ports.pipeline.start(intentOf('outruns'));
    expect((await opened.ports.pipeline.stop(handle)).phase).toBe('succeeded');
  });
});

describe('studyFor', () => {
  const { spec } = tuningIntent({ command: ['train'], version: 'v1', outputs: [] }, 'study');
  const space = [
    { name: 'rate', type: 'double', min: 0.01, max: 1, scale: 'log', gridPoints: 3 },
    { name: 'layers', type: 'integer', min: 1, max: 4, scale: 'linear', gridPoints: 9 },
  ] as const;

  it('gives a grid its points, evenly on the scale, since a grid of Vertex AI takes no doubles', () => {
    const study = studyFor({ ...spec, space, algorithm: 'grid' });
    expect(study.algorithm).toBe('GRID_SEARCH');
    const [rate, layers] = study.parameters ?? [];
    const values = rate?.discreteValueSpec?.values ?? [];
    expect(values.map((value) => Number(value.toFixed(6)))).toEqual([0.01, 0.1, 1]);
    expect(layers?.discreteValueSpec?.values).toEqual([1, 2, 3, 4]);
  });

  it('leaves a Bayesian search its ranges, with the median rule when it is asked for', () => {
    const study = studyFor({ ...spec, space, algorithm: 'bayesian', earlyStopping: 'median' });
    expect(study).toMatchObject({
      algorithm: 'ALGORITHM_UNSPECIFIED',
      medianAutomatedStoppingSpec: {},
      metrics: [{ metricId: 'score', goal: 'MAXIMIZE' }],
    });
    expect(study.parameters?.[0]).toMatchObject({
      scaleType: 'UNIT_LOG_SCALE',
      doubleValueSpec: { minValue: 0.01, maxValue: 1 },
    });
  });
});
