import { describe, expect, it } from '@jest/globals';
import { parseLifecycleRequest } from '../../schemas/lifecycle.ts';
import { backendChoiceSchema } from '../../schemas/names.ts';
import { parsePipelineRequest } from '../../schemas/pipeline.ts';
import { parseTuneRequest } from '../../schemas/tuning.ts';
import { lifecycleRequest } from '../support/lifecycle-request.ts';
import { textOf } from '../support/project-files.ts';

/** The examples of the page, by the word after `json`. */
const EXAMPLES = new Map(
  [...textOf('docs/pipelines-and-searches.md').matchAll(/^```json ?(\w*)\n([\s\S]*?)^```$/gm)].map(
    ([, name = '', text = '']) => [name, JSON.parse(text) as Record<string, unknown>],
  ),
);

describe('docs/pipelines-and-searches.md', () => {
  it('has a list of backends that the schema takes', () => {
    const choice = backendChoiceSchema.parse(EXAMPLES.get(''));
    expect(choice.steps?.train).toEqual(['vertex', 'sagemaker', 'local']);
  });
  it('has a pipeline request that the schema takes', () => {
    const { pipeline, policy } = parsePipelineRequest(EXAMPLES.get('runPipeline'));
    expect(pipeline).toMatchObject({ version: null, on: ['airflow', 'kubeflow'] });
    expect(policy).toEqual({ attemptsMax: 2, retryTasks: 1 });
  });
  it('has a tuning request that the schema takes', () => {
    const { search } = parseTuneRequest(EXAMPLES.get('tuneModel'));
    expect(search.trial).toMatchObject({ kind: 'train', params: {}, inputs: {}, graceSeconds: 30 });
  });
});

describe('A request', () => {
  it.each([
    [{ train: [] }, 'train'],
    [{ train: ['a', 'a'] }, 'each backend is named once'],
    [{ deploy: ['a'] }, 'deploy'],
  ])('refuses the list %j', (steps, told) => {
    const request = lifecycleRequest({ model: 'fraud', version: 'v1', backend: 'sim' });
    const wrong = { ...request, backends: { default: 'sim', steps } };
    expect(() => parseLifecycleRequest(wrong)).toThrow(told);
  });

  const tune = (change: object) => {
    const example = EXAMPLES.get('tuneModel') as { search: object };
    return () => parseTuneRequest({ ...example, search: { ...example.search, ...change } });
  };
  const rate = { name: 'rate', type: 'double', min: 0.1, max: 1 };
  it.each([
    [{ space: [] }, 'search.space'],
    [{ space: [rate, rate] }, 'each parameter is named once'],
    [{ space: [{ ...rate, max: 0.1 }] }, 'the maximum is above the minimum'],
    [{ space: [{ ...rate, min: 0, scale: 'log' }] }, 'above 0'],
    [{ space: [{ ...rate, type: 'integer' }] }, 'whole numbers'],
    [{ space: [{ ...rate, gridPoints: 50 }], algorithm: 'grid' }, '50 points, 40 trials'],
    [{ algorithm: 'bayesian' }, 'the engine "orrery" searches by grid or random'],
    [{ trialsMax: 201 }, 'trialsMax'],
  ])('refuses the search %j', (change, told) => {
    expect(tune(change)).toThrow(told);
  });

  it('may not set a parameter that the search sets', () => {
    const { search } = EXAMPLES.get('tuneModel') as { search: { trial: object } };
    const trial = { ...search.trial, params: { rate: 1 } };
    expect(tune({ trial })).toThrow('the search sets it');
  });
});
