import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { WorldScript } from '../../backends/sim/settings.ts';
import { QUERIES } from '../../core/messages.ts';
import type { PipelineResult, PipelineState } from '../../core/pipeline/request.ts';
import { pipelineRequest, startPipeline } from '../support/flow-requests.ts';
import { failureOf } from '../support/life.ts';
import { until } from '../support/until.ts';
import { startWorkflowEngine } from '../support/workflow-engine.ts';
import type { WorkflowEngine } from '../support/workflow-engine.ts';

let engine: WorkflowEngine;
beforeAll(async () => {
  engine = await startWorkflowEngine('dev');
}, 60_000);
afterAll(() => engine.close());

const PIPELINES: WorldScript['pipelines'] = {
  extract: {
    tasks: [
      { name: 'read', writes: ['s3://raw/day'] },
      { name: 'join', reads: ['s3://raw/day'] },
    ],
    usdPerHour: 3.6,
  },
  flaky: { tasks: [{ name: 'read' }, { name: 'join', fails: 1 }] },
  broken: { tasks: [{ name: 'read' }, { name: 'join', fails: 99 }] },
  final: { tasks: [{ name: 'join', fails: 1 }], retries: false },
  endless: { tasks: [{ name: 'wait', stalls: true }] },
  forgotten: { tasks: [{ name: 'wait', stalls: true }], vanishesAtSecond: 5 },
};

let worlds = 0;
function world(script: WorldScript = {}) {
  worlds += 1;
  const name = `flow-${worlds}`;
  return { name, ...engine.worlds.add(name, { pipelines: PIPELINES, ...script }) };
}

describe('runPipeline', () => {
  test('returns the tasks, lineage and cost of a run that succeeded', async () => {
    const { name } = world();
    const handle = await startPipeline(engine, pipelineRequest(name));
    const result = (await handle.result()) as PipelineResult;
    expect(result).toMatchObject({ backend: name, attempts: 1, setbacks: [], runSeconds: 20 });
    expect(result.tasks.map((task) => `${task.name} ${task.phase}`)).toEqual([
      'read succeeded',
      'join succeeded',
    ]);
    expect(result.lineage.map(({ task, direction, uri }) => [task, direction, uri])).toEqual([
      ['read', 'output', 's3://raw/day'],
      ['join', 'input', 's3://raw/day'],
    ]);
    expect(result.costUsd).toBeCloseTo(0.02);
    const state = await handle.query<PipelineState>(QUERIES.status);
    expect(state).toMatchObject({ stage: 'done', outcome: 'succeeded', remoteId: 'sim-run-1' });
    const { events } = await handle.fetchHistory();
    const types = events?.flatMap(
      (event) => event.activityTaskScheduledEventAttributes?.activityType?.name ?? [],
    );
    expect(types).toEqual(['admit', 'startRun', 'superviseRun']);
  });

  test('runs failed tasks again under the same run', async () => {
    const { name, world: there } = world();
    const request = pipelineRequest(name, {
      pipeline: { pipeline: 'flaky' },
      policy: { retryTasks: 1 },
    });
    const result = (await (await startPipeline(engine, request)).result()) as PipelineResult;
    expect(result.attempts).toBe(1);
    expect(there.journal.of('run.started')).toHaveLength(1);
    expect(there.journal.of('run.retried')).toHaveLength(1);
    expect(there.journal.of('run.ended').map(({ phase }) => phase)).toEqual([
      'failed',
      'succeeded',
    ]);
  });

  test('makes a new run where the far side cannot run tasks again', async () => {
    const { name, world: there } = world();
    const request = pipelineRequest(name, {
      pipeline: { pipeline: 'final' },
      policy: { retryTasks: 3, attemptsMax: 2 },
    });
    const result = (await (await startPipeline(engine, request)).result()) as PipelineResult;
    expect(result.attempts).toBe(2);
    expect(result.setbacks).toMatchObject([{ code: 'PIPELINE_FAILED' }]);
    const keys = there.journal.of('run.started').map(({ key }) => key);
    expect(new Set(keys).size).toBe(2);
  });

  test('fails with the far side’s own reason and where the run is', async () => {
    const { name } = world();
    const handle = await startPipeline(
      engine,
      pipelineRequest(name, { pipeline: { pipeline: 'broken' } }),
    );
    const { code, message } = await failureOf(handle.result());
    expect(code).toBe('PIPELINE_FAILED');
    expect(message).toContain('Cannot run broken: attempt 1 of 1: task join failed: exit code 1');
    expect(message).toContain('log: sim://runs/');
    const state = await handle.query<PipelineState>(QUERIES.status);
    expect(state).toMatchObject({ outcome: 'failed' });
  });

  test('says that the far side has no such pipeline, and stops nothing', async () => {
    const { name, world: there } = world();
    const request = pipelineRequest(name, { pipeline: { pipeline: 'nowhere' } });
    const { code } = await failureOf((await startPipeline(engine, request)).result());
    expect(code).toBe('NOT_FOUND');
    expect(there.faults.calls('pipeline.start')).toBe(1);
    expect(there.faults.calls('pipeline.stop')).toBe(0);
  });

  test('is lost when the far side has forgotten the run', async () => {
    const { name } = world();
    const request = pipelineRequest(name, { pipeline: { pipeline: 'forgotten' } });
    expect((await failureOf((await startPipeline(engine, request)).result())).code).toBe(
      'JOB_LOST',
    );
  });

  test('is cancelled once the far side has ended the run', async () => {
    const { name, world: there, hold } = world();
    const watched = hold.at('pipeline.read', 2);
    const handle = await startPipeline(
      engine,
      pipelineRequest(name, { pipeline: { pipeline: 'endless' } }),
    );
    await watched.reached;
    await handle.cancel();
    await until('the run has ended', async () => there.journal.of('run.ended')[0] ?? null);
    watched.release();
    expect((await failureOf(handle.result())).code).toBe('cancelled');
    expect(there.journal.of('run.ended').map(({ phase }) => phase)).toEqual(['cancelled']);
    expect(await handle.query<PipelineState>(QUERIES.status)).toMatchObject({
      outcome: 'cancelled',
    });
  });

  test('has stopped the run whose start was under way when it was cancelled', async () => {
    const { name, world: there, hold } = world();
    const starting = hold.at('pipeline.start');
    const handle = await startPipeline(
      engine,
      pipelineRequest(name, { pipeline: { pipeline: 'endless' } }),
    );
    await starting.reached;
    await handle.cancel();
    await until('the cancellation is in the history', async () => {
      const { events } = await handle.fetchHistory();
      return events?.some((event) => event.workflowExecutionCancelRequestedEventAttributes) || null;
    });
    starting.release();
    expect((await failureOf(handle.result())).code).toBe('cancelled');
    expect(there.journal.of('run.ended').map(({ phase }) => phase)).toEqual(['cancelled']);
  });

  test('goes on to the next backend when the first has no quota, at once', async () => {
    const full = world({
      faults: [{ call: 'pipeline.start', moment: 'before', throws: 'QUOTA_EXCEEDED' }],
    });
    const free = world();
    const request = pipelineRequest(full.name, { pipeline: { on: [full.name, free.name] } });
    const result = (await (await startPipeline(engine, request)).result()) as PipelineResult;
    expect(result).toMatchObject({ backend: free.name, attempts: 2 });
    expect(result.setbacks).toMatchObject([{ backend: full.name, code: 'QUOTA_EXCEEDED' }]);
    expect(full.world.journal.of('run.started')).toEqual([]);
  });

  test('adopts and stops the run of an unclear start before it goes on', async () => {
    // The first reply is lost; every later try is refused for good.
    const first = world({
      faults: [
        { call: 'pipeline.start', nth: 1, moment: 'after', throws: 'BACKEND_UNAVAILABLE' },
        { call: 'pipeline.start', nth: 2, moment: 'before', throws: 'QUOTA_EXCEEDED' },
      ],
    });
    const second = world();
    const request = pipelineRequest(first.name, {
      pipeline: { pipeline: 'endless', on: [first.name, second.name] },
    });
    const handle = await startPipeline(engine, request);
    await until('the second has it', async () => second.world.journal.of('run.started')[0] ?? null);
    expect(first.world.journal.of('run.ended').map(({ phase }) => phase)).toEqual(['cancelled']);
    expect(first.world.journal.of('run.started')).toHaveLength(1);
    await handle.cancel();
    await failureOf(handle.result());
  });

  test('refuses a list in which one backend has no pipelines', async () => {
    const { name } = world();
    engine.worlds.addLacking('jobs-only', 'pipeline', 'it only runs jobs');
    const request = pipelineRequest(name, { pipeline: { on: [name, 'jobs-only'] } });
    const { code, message } = await failureOf((await startPipeline(engine, request)).result());
    expect(code).toBe('PORT_MISSING');
    expect(message).toContain('it only runs jobs');
  });
});
