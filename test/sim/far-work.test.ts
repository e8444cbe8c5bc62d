import { describe, expect, it } from '@jest/globals';
import type { WorldScript } from '../../backends/sim/settings.ts';
import { createWorld } from '../../backends/sim/world.ts';
import { pipelineIntent, tuningIntent } from '../support/contract/harness.ts';
import { attemptOf, trainSpec } from './job-spec.ts';

const PIPELINES: WorldScript['pipelines'] = {
  etl: {
    tasks: [
      { name: 'read', seconds: 10, writes: ['s3://raw/day'] },
      { name: 'join', seconds: 20, fails: 1 },
    ],
    usdPerHour: 36,
  },
  slow: { tasks: [{ name: 'read', seconds: 1000 }] },
};
const run = (pipeline: string) => pipelineIntent({ pipeline, params: {} }, pipeline);

describe('SimPipeline', () => {
  it('tells each end of a task to a reader who waits, and runs the failed one again', async () => {
    const world = createWorld({ pipelines: PIPELINES });
    const { pipeline } = world.ports;
    const { handle } = await pipeline.start(run('etl'));
    const seen: [string, string, number][] = [];
    let since = -1;
    const follow = async () => {
      for (;;) {
        const reading = await pipeline.read(handle, { since, waitMs: 60_000 });
        since = reading.revision;
        const tasks = reading.tasks.map(({ phase }) => phase).join(' ');
        seen.push([reading.phase, tasks, world.elapsedSeconds()]);
        if (reading.phase !== 'running') return reading;
      }
    };
    const failed = await follow();
    expect(failed.reason).toContain('task join failed');
    expect((await pipeline.retry(handle)).phase).toBe('running');
    const done = await follow();
    expect(seen).toEqual([
      ['running', 'running pending', 0],
      ['running', 'succeeded running', 10],
      ['failed', 'succeeded failed', 30],
      ['running', 'succeeded running', 30],
      ['succeeded', 'succeeded succeeded', 50],
    ]);
    expect(done).toMatchObject({ runSeconds: 50, costUsd: 0.5 });
    expect(done.lineage).toMatchObject([{ task: 'read', direction: 'output', name: 'day' }]);
    expect((await pipeline.retry(handle)).revision).toBe(done.revision);
  });

  it('fails a run over its limit, with the task that ran', async () => {
    const world = createWorld({ pipelines: PIPELINES });
    const { pipeline } = world.ports;
    const { handle } = await pipeline.start(run('slow'));
    const first = await pipeline.read(handle);
    const reading = await pipeline.read(handle, { since: first.revision, waitMs: 10_000_000 });
    expect(reading).toMatchObject({ phase: 'failed', runSeconds: 600 });
    expect(reading.tasks).toMatchObject([{ phase: 'failed', reason: 'over the limit of the run' }]);
  });

  it('wakes a reader that waits when the run is stopped', async () => {
    const world = createWorld({ pipelines: PIPELINES, stopSeconds: 3 });
    const { pipeline } = world.ports;
    const { handle } = await pipeline.start(run('slow'));
    const { revision } = await pipeline.read(handle);
    const waiting = pipeline.read(handle, { since: revision, waitMs: 500_000 });
    expect(await pipeline.stop(handle)).toMatchObject({ phase: 'cancelled', runSeconds: 3 });
    expect((await waiting).phase).toBe('cancelled');
  });
});

describe('SimTuning', () => {
  const job = { command: ['train'], version: 'v1', outputs: [] };

  it('runs its trials in waves and bills each for its time', async () => {
    const world = createWorld({ searches: [{ trialSeconds: 30 }] });
    const { tuning } = world.ports;
    const { handle } = await tuning.start(tuningIntent(job, 'waves'));
    const phases: [number, number, number][] = [];
    for (let since = -1, live = true; live;) {
      const reading = await tuning.read(handle, { since, waitMs: 600_000 });
      since = reading.revision;
      live = reading.phase === 'running';
      const ended = reading.trials.filter(({ phase }) => phase === 'succeeded').length;
      phases.push([world.elapsedSeconds(), ended, reading.billableSeconds]);
    }
    expect(phases).toEqual([
      [0, 0, 0],
      [30, 2, 60],
      [60, 4, 120],
    ]);
  });

  it('fails once more trials have failed than may', async () => {
    const world = createWorld({ searches: [{ trialsFail: 3 }] });
    const { tuning } = world.ports;
    const { handle } = await tuning.start(tuningIntent(job, 'failing'));
    const { revision } = await tuning.read(handle);
    const reading = await tuning.read(handle, { since: revision, waitMs: 600_000 });
    expect(reading).toMatchObject({ phase: 'failed', best: null });
    expect(reading.trials.map(({ phase }) => phase)).toEqual(['failed', 'failed']);
  });
});

describe('The inventory of the world', () => {
  it('lists jobs, runs and searches with their cost, the newest first', async () => {
    const world = createWorld({
      pipelines: PIPELINES,
      usdPerCpuHour: 3600,
      usdPerGibHour: 0,
    });
    const { compute, pipeline, tuning, inventory } = world.ports;
    const trained = await compute.start(attemptOf(trainSpec(), 1));
    await world.clock.sleep(10_000);
    await pipeline.start(run('etl'));
    await world.clock.sleep(10_000);
    await tuning.start(tuningIntent({ command: ['train'], version: 'v1', outputs: [] }, 'seen'));
    const listed = await inventory.list();
    expect(listed.map(({ port, phase }) => `${port} ${phase}`)).toEqual([
      'tuning running',
      'pipeline running',
      'compute running',
    ]);
    const [, ran, job] = listed;
    expect(ran).toMatchObject({ billableSeconds: 10, costUsd: 0.1 });
    expect(job).toMatchObject({ ...trained.handle, billableSeconds: 20, costUsd: 20 });
    expect(job?.startedAt).toBe('2026-01-01T00:00:00.000Z');
  });
});
