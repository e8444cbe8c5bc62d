import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { PipelineResult } from '../../core/pipeline/request.ts';
import { pipelineRequest, startPipeline } from '../support/flow-requests.ts';
import { failureOf } from '../support/life.ts';
import { startWorkflowEngine } from '../support/workflow-engine.ts';
import type { WorkflowEngine } from '../support/workflow-engine.ts';

let engine: WorkflowEngine;
beforeAll(async () => {
  engine = await startWorkflowEngine('time-skipping');
}, 60_000);
afterAll(() => engine.close());

/** Seconds of the timers that a history has, in order. */
function timers(events: readonly { timerStartedEventAttributes?: unknown }[]): number[] {
  return events.flatMap((event) => {
    const timer = event.timerStartedEventAttributes as
      { startToFireTimeout?: { seconds?: unknown } } | null | undefined;
    return timer ? [Number(timer.startToFireTimeout?.seconds)] : [];
  });
}

test('A step without capacity anywhere waits by durable timers, longer each time, and begins again', async () => {
  const full = (times: number) => ({
    pipelines: { extract: {} },
    faults: [
      { call: 'pipeline.start', times, moment: 'before', throws: 'CAPACITY_MISSING' } as const,
    ],
  });
  engine.worlds.add('scarce', full(2));
  engine.worlds.add('full', full(99));
  const request = pipelineRequest('scarce', {
    pipeline: { on: ['scarce', 'full'] },
    policy: { attemptsMax: 5 },
  });
  const handle = await startPipeline(engine, request);
  const result = (await handle.result()) as PipelineResult;
  expect(result).toMatchObject({ backend: 'scarce', attempts: 5 });
  expect(result.setbacks.map(({ backend }) => backend)).toEqual([
    'scarce',
    'full',
    'scarce',
    'full',
  ]);
  const { events } = await handle.fetchHistory();
  expect(timers(events ?? [])).toEqual([60, 120]);
});

test('A step without capacity fails once its attempts are used up', async () => {
  engine.worlds.add('never', {
    pipelines: { extract: {} },
    faults: [{ call: 'pipeline.start', times: 99, moment: 'before', throws: 'QUOTA_EXCEEDED' }],
  });
  const request = pipelineRequest('never', { policy: { attemptsMax: 7 } });
  const handle = await startPipeline(engine, request);
  expect((await failureOf(handle.result())).code).toBe('QUOTA_EXCEEDED');
  const { events } = await handle.fetchHistory();
  expect(timers(events ?? [])).toEqual([60, 120, 240, 480, 900, 900]);
});

test('A backend that does not answer for five minutes is left for the next one', async () => {
  engine.worlds.add('silent', {
    pipelines: { extract: {} },
    faults: [
      { call: 'pipeline.start', times: 60, moment: 'before', throws: 'BACKEND_UNAVAILABLE' },
    ],
  });
  const { world } = engine.worlds.add('answers', { pipelines: { extract: {} } });
  const request = pipelineRequest('silent', { pipeline: { on: ['silent', 'answers'] } });
  const result = (await (await startPipeline(engine, request)).result()) as PipelineResult;
  expect(result).toMatchObject({
    backend: 'answers',
    setbacks: [{ backend: 'silent', code: 'BACKEND_UNAVAILABLE' }],
  });
  expect(world.journal.of('run.started')).toHaveLength(1);
}, 60_000);
