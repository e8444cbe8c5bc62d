import { describe, expect, it } from '@jest/globals';

import { createWorld } from '../../backends/sim/world.ts';
import { attemptOf, runToEnd, trainSpec } from './job-spec.ts';

describe('SimCompute', () => {
  it('lets a job take its scripted time and bills exactly that', async () => {
    const world = createWorld({ jobSeconds: { train: 90 } });
    const reading = await runToEnd(world, attemptOf(trainSpec(), 1));
    expect(reading).toMatchObject({ phase: 'succeeded', billableSeconds: 90 });
    expect(world.elapsedSeconds()).toBe(90);
  });

  it('tells every step of progress to a reader who waits for the next change', async () => {
    const world = createWorld({ jobSteps: 4, jobSeconds: { train: 40 } });
    const { handle } = await world.ports.compute.start(attemptOf(trainSpec(), 1));
    const seen: [number, number][] = [];
    for (let since = 0; since < 6;) {
      const reading = await world.ports.compute.read(handle, { since, waitMs: 60_000 });
      seen.push([reading.progress?.step ?? -1, world.elapsedSeconds()]);
      since = reading.revision;
    }
    expect(seen).toEqual([
      [0, 0],
      [1, 10],
      [2, 20],
      [3, 30],
      [4, 40],
    ]);
  });

  it('answers a reader after waitMs when nothing changes', async () => {
    const world = createWorld({ jobs: [{ ending: { does: 'stall', atPercent: 0 } }] });
    const { handle } = await world.ports.compute.start(attemptOf(trainSpec(), 1));
    const { revision } = await world.ports.compute.read(handle);
    const reading = await world.ports.compute.read(handle, { since: revision, waitMs: 7000 });
    expect(reading.revision).toBe(revision);
    expect(world.elapsedSeconds()).toBe(7);
  });

  it.each([
    [
      { does: 'exit', code: 64 },
      { phase: 'failed', exit: { code: 64, signal: null } },
    ],
    [
      { does: 'kill', atPercent: 50 },
      { phase: 'failed', exit: { code: null, signal: 'SIGKILL' } },
    ],
    [{ does: 'lose-outputs' }, { phase: 'failed', exit: { code: 0, signal: null }, outputs: {} }],
    [
      { does: 'vanish', atPercent: 10 },
      { phase: 'lost', exit: null },
    ],
  ] as const)('ends a job that is scripted to %j', async (ending, expected) => {
    const world = createWorld({ jobs: [{ ending }] });
    expect(await runToEnd(world, attemptOf(trainSpec(), 1))).toMatchObject(expected);
  });

  it('fails a stalled job when its time is up', async () => {
    const world = createWorld({ jobs: [{ ending: { does: 'stall', atPercent: 30 } }] });
    const reading = await runToEnd(world, attemptOf(trainSpec(), 1));
    expect(reading).toMatchObject({ phase: 'failed', billableSeconds: 600 });
    expect(reading.reason).toMatch('over its limit of 600 s');
  });

  it('chooses the rule by kind, version and attempt', async () => {
    const world = createWorld({
      jobs: [
        { kind: 'train', version: 'v1', attempt: 1, ending: { does: 'exit', code: 1 } },
        { kind: 'train', attempt: 2, ending: { does: 'kill', atPercent: 10 } },
      ],
    });
    const phases = [];
    for (const attempt of [1, 2, 3]) {
      phases.push((await runToEnd(world, attemptOf(trainSpec(), attempt))).phase);
    }
    expect(phases).toEqual(['failed', 'failed', 'succeeded']);
  });

  it('resumes from the last regular checkpoint after a kill', async () => {
    const world = createWorld({
      jobSeconds: { train: 100 },
      checkpointEveryPercent: 25,
      jobs: [{ attempt: 1, ending: { does: 'kill', atPercent: 60 } }],
    });
    await runToEnd(world, attemptOf(trainSpec(), 1));
    const second = await runToEnd(world, attemptOf(trainSpec(), 2));
    expect(second).toMatchObject({ phase: 'succeeded', billableSeconds: 50 });
  });

  it('resumes from where a checkpoint was asked for, or where it was stopped', async () => {
    const world = createWorld({
      jobSeconds: { train: 100 },
      checkpointEveryPercent: 100,
      stopSeconds: 1,
      jobs: [{ attempt: 1, ending: { does: 'kill', atPercent: 60 } }],
    });
    const { compute } = world.ports;
    const first = await compute.start(attemptOf(trainSpec(), 1));
    await world.clock.sleep(40_000);
    await compute.requestCheckpoint(first.handle);
    await runToEnd(world, attemptOf(trainSpec(), 1));
    const second = await compute.start(attemptOf(trainSpec(), 2));
    await world.clock.sleep(29_000);
    expect(await compute.stop(second.handle)).toMatchObject({ billableSeconds: 30 });
    const third = await runToEnd(world, attemptOf(trainSpec(), 3));
    expect(third).toMatchObject({ phase: 'succeeded', billableSeconds: 30 });
  });

  it('starts from the beginning without a checkpoint scope', async () => {
    const world = createWorld({
      jobSeconds: { train: 100 },
      jobs: [{ attempt: 1, ending: { does: 'kill', atPercent: 60 } }],
    });
    const spec = trainSpec({ checkpointScope: null });
    await runToEnd(world, attemptOf(spec, 1));
    expect((await runToEnd(world, attemptOf(spec, 2))).billableSeconds).toBe(100);
  });

  it('says cancelled only after the job is gone, and notes the asking once', async () => {
    const world = createWorld({ stopSeconds: 3 });
    const { compute } = world.ports;
    const { handle } = await compute.start(attemptOf(trainSpec(), 1));
    const stops = [compute.stop(handle), compute.stop(handle)];
    expect((await compute.read(handle)).phase).toBe('running');
    expect((await Promise.all(stops)).map((reading) => reading.phase)).toEqual([
      'cancelled',
      'cancelled',
    ]);
    expect(world.elapsedSeconds()).toBe(3);
    expect(world.journal.of('job.stop-asked')).toHaveLength(1);
    expect(world.journal.of('job.ended')).toMatchObject([{ phase: 'cancelled' }]);
  });

  it('refuses a job whose input is not in the store, and starts nothing', async () => {
    const world = createWorld();
    const missing = { uri: 'any', sha256: 'a'.repeat(64), bytes: 1 };
    const spec = trainSpec({ inputs: { 'train.csv': missing } });
    await expect(world.ports.compute.start(attemptOf(spec, 1))).rejects.toMatchObject({
      code: 'ARTIFACT_MISSING',
    });
    expect(world.journal.of('job.started')).toEqual([]);
  });
});
