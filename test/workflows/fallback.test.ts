import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { WorldScript } from '../../backends/sim/settings.ts';
import type { World } from '../../backends/sim/world.ts';
import type { RequestChanges } from '../support/lifecycle-request.ts';
import { createScene } from '../support/life.ts';
import { startWorkflowEngine } from '../support/workflow-engine.ts';
import type { WorkflowEngine } from '../support/workflow-engine.ts';

let engine: WorkflowEngine;
beforeAll(async () => {
  engine = await startWorkflowEngine('dev');
}, 60_000);
afterAll(() => engine.close());

/** A life whose training may run on two further backends that share its artifacts. */
function trainingOn(first: WorldScript, second: WorldScript = {}) {
  const scene = createScene(engine);
  const names = [`${scene.model}-first`, `${scene.model}-second`] as const;
  const more = { jobSeconds: { train: 20 } };
  const worlds = [
    engine.worlds.add(names[0], { ...more, ...first }, scene.world).world,
    engine.worlds.add(names[1], { ...more, ...second }, scene.world).world,
  ] as const;
  const start = (changes: Partial<RequestChanges> = {}) =>
    scene.start('v1', { backends: { steps: { train: names } }, ...changes });
  return { scene, names, worlds, start };
}

const trained = ({ journal }: World) => {
  const ends = new Map(journal.of('job.ended').map(({ key, phase }) => [key, phase]));
  return journal.of('job.started').map(({ key }) => ends.get(key));
};

const faultsOf = (
  call: 'compute.start' | 'compute.stop',
  throws: 'ACCESS_DENIED' | 'QUOTA_EXCEEDED',
) => ({ call, times: 99, moment: 'before', throws }) as const;

describe('A step with a list of backends', () => {
  test('runs on the second when the first has no quota, at the second’s price', async () => {
    const { names, worlds, start } = trainingOn(
      { faults: [faultsOf('compute.start', 'QUOTA_EXCEEDED')], usdPerCpuHour: 1 },
      { usdPerCpuHour: 2, usdPerGibHour: 0 },
    );
    const life = await start();
    const { gates, cost } = await life.when('it asks', ({ approval }) => approval !== null);
    expect(trained(worlds[0])).toEqual([]);
    expect(trained(worlds[1])).toEqual(['succeeded']);
    const gate = gates.find(({ stage }) => stage === 'train')?.reason;
    expect(gate).toContain(`in 2 attempts (${names[0]}: Cannot complete call 1 of compute.start`);
    expect(cost.lines.find(({ step }) => step === 'train')?.usdPerHour).toBe(2);
    await life.handle.terminate('the test is over');
  });

  test('charges what the first held before it went on', async () => {
    const { worlds, start } = trainingOn({
      jobs: [{ ending: { does: 'exit', code: 3, atPercent: 50 } }],
      usdPerCpuHour: 1,
    });
    const life = await start({ policy: { attemptsMax: 2 } });
    const { gates, cost } = await life.when('it asks', ({ approval }) => approval !== null);
    expect(trained(worlds[0])).toEqual(['failed', 'failed']);
    expect(trained(worlds[1])).toEqual(['succeeded']);
    expect(gates.find(({ stage }) => stage === 'train')?.reason).toContain('in 3 attempts');
    const lines = cost.lines.filter(({ step }) => step === 'train');
    // The second attempt resumes from the checkpoint at 50 %, where the fault strikes at once; the
    // other world has no such checkpoint.
    expect(lines.map(({ billableSeconds }) => billableSeconds)).toEqual([10, 20]);
    const keys = worlds.flatMap(({ journal }) => journal.of('job.started').map(({ key }) => key));
    expect(new Set(keys).size).toBe(3);
    await life.handle.terminate('the test is over');
  });

  test('starts nothing on the second while the job on the first cannot be stopped', async () => {
    const { names, worlds, start } = trainingOn({
      jobs: [{ ending: { does: 'stall', atPercent: 50 } }],
      faults: [faultsOf('compute.stop', 'ACCESS_DENIED')],
    });
    const life = await start({ policy: { stallSeconds: 30 } });
    const { code, message } = await life.failure();
    expect(code).toBe('JOB_UNSETTLED');
    const [job] = worlds[0].journal.of('job.started');
    expect(message).toContain(`look at job ${job?.key} on ${names[0]}`);
    expect(trained(worlds[0])).toEqual([undefined]);
    expect(trained(worlds[1])).toEqual([]);
  });

  test('stops the job of an unclear start before it goes on', async () => {
    const { worlds, start } = trainingOn({
      faults: [
        { call: 'compute.start', nth: 1, moment: 'after', throws: 'BACKEND_UNAVAILABLE' },
        { call: 'compute.start', nth: 2, moment: 'before', throws: 'QUOTA_EXCEEDED' },
      ],
    });
    const life = await start();
    await life.question();
    expect(trained(worlds[0])).toEqual(['cancelled']);
    expect(trained(worlds[1])).toEqual(['succeeded']);
    const stoppedAt = worlds[0].journal.of('job.ended')[0]?.at;
    expect(stoppedAt).toBeDefined();
    await life.handle.terminate('the test is over');
  });

  test('starts nothing on the second after an unclear start whose job cannot be stopped', async () => {
    const { worlds, start } = trainingOn({
      faults: [
        { call: 'compute.start', nth: 1, moment: 'after', throws: 'BACKEND_UNAVAILABLE' },
        { call: 'compute.start', nth: 2, moment: 'before', throws: 'ACCESS_DENIED' },
        faultsOf('compute.stop', 'ACCESS_DENIED'),
      ],
    });
    const { code } = await (await start()).failure();
    expect(code).toBe('JOB_UNSETTLED');
    expect(trained(worlds[1])).toEqual([]);
  });

  test('goes on from credentials that were refused in the first answer, though they stop nothing either', async () => {
    const { worlds, start } = trainingOn({
      faults: [
        faultsOf('compute.start', 'ACCESS_DENIED'),
        faultsOf('compute.stop', 'ACCESS_DENIED'),
      ],
    });
    const life = await start();
    await life.question();
    expect(trained(worlds[1])).toEqual(['succeeded']);
    await life.handle.terminate('the test is over');
  });

  test('leaves a stranger’s job alone whose name it wanted', async () => {
    const { worlds, start } = trainingOn({
      faults: [{ call: 'compute.start', moment: 'before', throws: 'NAME_TAKEN' }],
    });
    const { code } = await (await start()).failure();
    expect(code).toBe('NAME_TAKEN');
    expect(worlds[0].faults.calls('compute.stop')).toBe(0);
    expect(trained(worlds[1])).toEqual([]);
  });

  test('does not take a rejected program to another backend', async () => {
    const { worlds, start } = trainingOn({ jobs: [{ ending: { does: 'exit', code: 64 } }] });
    expect((await (await start()).failure()).code).toBe('JOB_REJECTED');
    expect(trained(worlds[1])).toEqual([]);
  });

  test('is lost when every backend has forgotten its job', async () => {
    const vanishes: WorldScript = { jobs: [{ ending: { does: 'vanish', atPercent: 10 } }] };
    const { start } = trainingOn(vanishes, vanishes);
    const { code } = await (await start({ policy: { attemptsMax: 1 } })).failure();
    expect(code).toBe('JOB_LOST');
  });
});

describe('runLifecycle with a pipeline that refreshes its data', () => {
  const refresh = { pipeline: { pipeline: 'etl', timeoutSeconds: 600 } };

  test('runs it before the data is read, and charges it', async () => {
    const scene = createScene(engine, {
      pipelines: { etl: { tasks: [{ name: 'read', seconds: 3600 }], usdPerHour: 0.5 } },
    });
    const life = await scene.start('v1', {
      refresh: { pipeline: { ...refresh.pipeline, timeoutSeconds: 7200 } },
    });
    const { gates, cost } = await life.when('it asks', ({ approval }) => approval !== null);
    const data = gates.filter(({ stage }) => stage === 'data').map(({ reason }) => reason);
    expect(data[0]).toBe(`etl ran on ${scene.model} for 3600.0 s`);
    expect(data[1]).toContain('contract kept');
    expect(cost.lines[0]).toMatchObject({ step: 'refresh', usd: 0.5, usdPerHour: 0.5 });
    const child = engine.client.workflow.getHandle(`pipeline/${scene.model}/v1/refresh`);
    expect((await child.describe()).status.name).toBe('COMPLETED');
    await life.handle.terminate('the test is over');
  });

  test('fails with its reason and trains nothing when the pipeline fails', async () => {
    const scene = createScene(engine, {
      pipelines: { etl: { tasks: [{ name: 'read', fails: 9 }] } },
    });
    const { code, message } = await (await scene.start('v1', { refresh })).failure();
    expect(code).toBe('PIPELINE_FAILED');
    expect(message).toContain('task read failed');
    expect(scene.world.journal.of('job.started')).toEqual([]);
  });
});
