import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { backendsForStep } from '../../core/backend.ts';
import { parsePipelineId, parseTuningId, pipelineId, tuningId } from '../../core/ids.ts';
import { pipelineCard } from '../../core/pipeline/card.ts';
import { compactRun } from '../../core/pipeline/compact.ts';
import { nextRunMove } from '../../core/pipeline/progress.ts';
import type { PipelineState } from '../../core/pipeline/request.ts';
import type { PipelineReading, PipelineTask } from '../../core/ports/pipeline.ts';
import { parseProgress } from '../../core/training/progress.ts';
import { heartbeatsOf, heartbeatTimeoutFor } from '../../core/training/watching.ts';
import { tuningCard } from '../../core/tuning/card.ts';
import type { TuningState } from '../../core/tuning/request.ts';

const DAY_SECONDS = 24 * 3600;

describe('The ids of pipeline runs and searches', () => {
  it('are read as they are built', () => {
    const named = { model: 'fraud', version: 'v1', name: 'etl' };
    expect(pipelineId(named)).toBe('pipeline/fraud/v1/etl');
    expect(parsePipelineId(pipelineId(named))).toEqual(named);
    expect(parseTuningId(tuningId(named))).toEqual(named);
  });
  it.each(['pipeline/fraud/v1', 'tuning/fraud/v1/x', 'pipeline/fraud/v1/x/y', 'pipeline/F/v1/x'])(
    'are not read from %s',
    (id) => {
      expect(() => parsePipelineId(id)).toThrow('Cannot');
    },
  );
});

describe('backendsForStep', () => {
  it('takes the list of the step, or the backend for compute', () => {
    const choice = { default: 'local', compute: 'vertex', steps: { train: ['a', 'b'] } };
    expect(backendsForStep(choice, 'train')).toEqual(['a', 'b']);
    expect(backendsForStep(choice, 'score')).toEqual(['vertex']);
    expect(backendsForStep({ default: 'local' }, 'prepare')).toEqual(['local']);
  });
});

describe('nextRunMove', () => {
  it.each([
    ['succeeded', 0, 'done'],
    ['failed', 0, 'retry tasks'],
    ['failed', 1, 'retry tasks'],
    ['failed', 2, 'PIPELINE_FAILED'],
    ['cancelled', 0, 'PIPELINE_FAILED'],
    ['lost', 0, 'JOB_LOST'],
    ['running', 0, 'JOB_UNSETTLED'],
    ['pending', 0, 'JOB_UNSETTLED'],
  ] as const)('after %s with its tasks run again %i times is %s', (phase, retried, expected) => {
    const move = nextRunMove({ phase, reason: 'because' }, retried, { retryTasks: 2 });
    expect(move.kind === 'setback' ? move.code : move.kind).toBe(expected);
  });
});

describe('A watch', () => {
  it('of a day costs at most 120 heartbeats with a timeout of 1000 s', () => {
    expect(heartbeatsOf(DAY_SECONDS, 1000)).toBe(109);
    expect(heartbeatsOf(DAY_SECONDS, 900)).toBeGreaterThan(120);
  });
  it('of any length costs about a hundred heartbeats with the timeout for its limit', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 * DAY_SECONDS }), (limit) => {
        const timeout = heartbeatTimeoutFor(limit);
        expect(timeout).toBeGreaterThanOrEqual(3);
        expect(timeout).toBeLessThanOrEqual(3600);
        const perDay = heartbeatsOf(Math.min(limit, DAY_SECONDS), timeout);
        expect(perDay).toBeLessThanOrEqual(101);
      }),
    );
  });
});

describe('parseProgress', () => {
  it.each([
    ['{"step":1,"steps":2}', { step: 1, steps: 2, message: '' }],
    ['{"step":1,"steps":2,"metrics":{}}', { step: 1, steps: 2, message: '' }],
    [
      '{"step":1,"steps":2,"message":"m","metrics":{"a":1,"b":"x","c":1e999}}',
      { step: 1, steps: 2, message: 'm', metrics: { a: 1 } },
    ],
    ['{"step":1,"steps":2,"metrics":[1]}', { step: 1, steps: 2, message: '' }],
    ['{"step":"1","steps":2}', null],
    ['null', null],
    ['{"step":1', null],
  ])('of %s is %j', (text, expected) => {
    expect(parseProgress(text)).toEqual(expected);
  });
});

const task = (at: number, phase: PipelineTask['phase'], text = ''): PipelineTask => ({
  name: `task-${at}`,
  phase,
  reason: text,
  logUri: '',
});
const READING: PipelineReading = {
  phase: 'failed',
  revision: 1,
  tasks: [],
  lineage: [],
  warnings: [],
  runSeconds: 1,
  costUsd: null,
  reason: 'because',
  logUri: 'https://far/side',
};

describe('compactRun', () => {
  it('leaves a small reading as it is', () => {
    const reading = { ...READING, tasks: [task(1, 'failed', 'x')] };
    expect(compactRun(reading)).toEqual(reading);
  });

  it('fits into a payload, keeps what failed and tells what it left out', () => {
    const tasks = Array.from({ length: 5000 }, (_, at) =>
      task(at, at === 4999 ? 'failed' : 'succeeded', '😀'.repeat(600)),
    );
    const lineage = tasks.map(({ name }) => ({
      task: name,
      direction: 'output' as const,
      name,
      uri: `s3://bucket/${'x'.repeat(600)}`,
      type: '',
    }));
    const compact = compactRun({ ...READING, tasks, lineage });
    expect(new TextEncoder().encode(JSON.stringify(compact)).length).toBeLessThan(256 * 1024);
    expect(compact.tasks[0]?.name).toBe('task-4999');
    expect(compact.warnings.join()).toMatch(/further tasks.*further artifacts/);
  });
});

const PIPELINE: PipelineState = {
  model: 'fraud',
  version: 'v1',
  name: 'etl',
  stage: 'run',
  pipeline: 'daily',
  backend: 'airflow',
  logUri: 'https://airflow/run',
  remoteId: 'daily/run',
  attempt: 2,
  setbacks: [{ backend: 'vertex', code: 'QUOTA_EXCEEDED', reason: 'no quota' }],
  tasks: [task(1, 'running', 'on node 7')],
  runSeconds: 3,
  costUsd: 0.5,
  outcome: null,
  reason: 'task 1 of 3',
};
const TRIAL = {
  name: 'trial-1',
  phase: 'succeeded',
  params: { rate: 0.1 },
  value: 0.9,
  reason: '',
  billableSeconds: 3,
} as const;
const TUNING: TuningState = {
  model: 'fraud',
  version: 'v1',
  name: 'rates',
  engine: 'orrery',
  stage: 'search',
  backend: null,
  logUri: '',
  metric: 'score',
  trialsMax: 4,
  trials: [
    TRIAL,
    { ...TRIAL, name: 'trial-2', phase: 'failed', value: null, reason: 'exit code 3' },
  ],
  best: TRIAL,
  setbacks: [],
  outcome: null,
  reason: '',
};

describe('The cards', () => {
  it('tell where a pipeline runs, its tasks, its cost and what went wrong before', () => {
    const card = pipelineCard(PIPELINE);
    for (const told of [
      '## daily for fraud v1 (etl)',
      'on airflow, attempt 2',
      'https://airflow/run',
      '$0.5000',
      'task-1: running — on node 7',
      'vertex: QUOTA_EXCEEDED — no quota',
    ])
      expect(card).toContain(told);
  });

  it('tell the best trial of a search and every other', () => {
    const card = tuningCard(TUNING);
    for (const told of [
      '## fraud v1: search rates',
      '2 of at most 4 trials over',
      '**Best** trial-1: succeeded, 0.9 (rate 0.1)',
      'trial-2: failed, exit code 3 (rate 0.1)',
    ])
      expect(card).toContain(told);
  });
});
