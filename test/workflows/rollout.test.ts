import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createScene } from '../support/life.ts';
import type { Scene } from '../support/life.ts';
import { startWorkflowEngine } from '../support/workflow-engine.ts';
import type { WorkflowEngine } from '../support/workflow-engine.ts';

let engine: WorkflowEngine;
beforeAll(async () => {
  engine = await startWorkflowEngine('dev');
}, 60_000);
afterAll(() => engine.close());

async function weights(scene: Scene): Promise<Record<string, number>> {
  const reading = await scene.world.ports.traffic.read(`${scene.model}.eu`);
  return Object.fromEntries(
    (reading?.arms ?? []).map(({ version, weightPercent }) => [version, weightPercent]),
  );
}

function gone({ world }: Scene): string[] {
  return world.journal.of('endpoint.gone').map(({ version }) => version);
}

async function fact(scene: Scene) {
  const { champion, previous, challenger } = await scene.world.ports.models.fact(scene.model, 'eu');
  return { champion, previous, challenger };
}

/** Calls of a method from here on are counted from this. */
function callsOf(scene: Scene, call: Parameters<Scene['world']['faults']['calls']>[0]): number {
  return scene.world.faults.calls(call);
}

describe('rolloutRegion', () => {
  test('takes back a canary with errors and reads its weight back as 0', async () => {
    const scene = createScene(engine, { versions: { v2: { errorRate: 0.2 } } });
    await scene.champion('v1');
    const life = await scene.start('v2');
    await life.approve();
    const result = await life.result();
    expect(result.outcome).toBe('rolled-back');
    expect(result.rollouts).toMatchObject([
      { outcome: 'rolled-back', champion: 'v1', weightPercent: 0, steps: [{ verdict: 'condemn' }] },
    ]);
    expect(result.reason).toContain('errors: canary');
    expect(await weights(scene)).toEqual({ v1: 100, v2: 0 });
    expect(gone(scene)).toEqual(['v2']);
    expect(await fact(scene)).toEqual({ champion: 'v1', previous: null, challenger: null });
  });

  test('goes back to the champion before when harm shows in the bake', async () => {
    const scene = createScene(engine);
    await scene.champion('v1');
    const promoting = scene.hold.at('models.changeFact', callsOf(scene, 'models.changeFact') + 2);
    const life = await scene.start('v2', { release: { bakeSeconds: 3600 } });
    await life.approve();
    await promoting.reached;
    // From now on the server of the promoted version is gone, so every request of it fails.
    await scene.world.ports.serving.undeploy(`${scene.model}.eu.v2`);
    promoting.release();
    const result = await life.result();
    expect(result.outcome).toBe('rolled-back');
    expect(result.rollouts[0]).toMatchObject({ champion: 'v1', weightPercent: 0 });
    expect(result.rollouts[0]?.steps.at(-1)).toMatchObject({
      weightPercent: 100,
      verdict: 'condemn',
    });
    expect(await weights(scene)).toEqual({ v1: 100, v2: 0 });
    expect(await fact(scene)).toEqual({ champion: 'v1', previous: null, challenger: null });
    expect(gone(scene)).not.toContain('v1');
  });

  test('that is cancelled gives back traffic, server and claim', async () => {
    const scene = createScene(engine);
    await scene.champion('v1');
    const observing = scene.hold.at('metrics.read', callsOf(scene, 'metrics.read') + 3);
    const life = await scene.start('v2');
    await life.approve();
    await observing.reached;
    await life.handle.cancel();
    await life.when('the server has ended', () => gone(scene).includes('v2'));
    observing.release();
    expect((await life.failure()).code).toBe('cancelled');
    expect(await weights(scene)).toEqual({ v1: 100, v2: 0 });
    expect(gone(scene)).toEqual(['v2']);
    expect(await fact(scene)).toEqual({ champion: 'v1', previous: null, challenger: null });
    expect((await life.status()).outcome).toBe('cancelled');
  });

  test('tells which compensation failed', async () => {
    const scene = createScene(engine);
    await scene.champion('v1');
    scene.world.faults.add({
      call: 'serving.undeploy',
      nth: callsOf(scene, 'serving.undeploy') + 1,
      times: 1,
      moment: 'before',
      throws: 'NAME_TAKEN',
    });
    const observing = scene.hold.at('metrics.read', callsOf(scene, 'metrics.read') + 2);
    const life = await scene.start('v2');
    await life.approve();
    await observing.reached;
    await life.handle.cancel();
    await life.when(
      'the undeployment failed',
      () => scene.world.journal.of('fault.fired').length > 0,
    );
    observing.release();
    expect((await life.failure()).code).toBe('cancelled');
    expect((await life.rolloutStatus()).leftovers.join()).toContain(
      'end the server: Cannot complete call',
    );
    // What comes after the failed one is compensated all the same.
    expect(await fact(scene)).toEqual({ champion: 'v1', previous: null, challenger: null });
  });

  test('refuses a region in which another release runs, and names it', async () => {
    const scene = createScene(engine);
    await scene.champion('v1');
    const observing = scene.hold.at('metrics.read', callsOf(scene, 'metrics.read') + 1);
    const first = await scene.start('v2');
    await first.approve();
    await observing.reached;
    const second = await scene.start('v3');
    await second.approve();
    const told = await second.when('it failed', ({ outcome }) => outcome !== null);
    expect(told.reason).toContain(`Cannot release v3: ${first.ids.rollout()} releases v2 here`);
    observing.release();
    expect((await second.failure()).code).toBe('RELEASE_BUSY');
    expect((await first.result()).outcome).toBe('released');
    expect((await fact(scene)).champion).toBe('v2');
  });

  test('leaves a champion alone that somebody else made meanwhile', async () => {
    const scene = createScene(engine, (model) => ({
      strangers: [
        {
          // The first release changes the fact three times; this one claims, then would promote.
          when: { call: 'models.changeFact', nth: 5 },
          does: { what: 'move-champion', model, region: 'eu', version: 'v9' },
        },
      ],
    }));
    await scene.champion('v1');
    const life = await scene.start('v2');
    await life.approve();
    expect((await life.failure()).code).toBe('CHAMPION_MOVED');
    expect(await weights(scene)).toEqual({ v1: 100, v2: 0 });
    expect(gone(scene)).toEqual(['v2']);
    expect(await fact(scene)).toEqual({ champion: 'v9', previous: 'v1', challenger: null });
  });

  test('deploys again when a server does not become ready', async () => {
    const scene = createScene(engine, { versions: { v1: { deploysFail: 2 } } });
    expect((await scene.champion('v1')).outcome).toBe('released');
    expect(scene.world.journal.of('endpoint.failed')).toHaveLength(2);
  });
});

describe('The judge of a rollout', () => {
  test('holds through an outage of the metrics and then goes on', async () => {
    const scene = createScene(engine);
    await scene.champion('v1');
    const silentTicks = 60;
    scene.world.faults.add({
      call: 'metrics.read',
      nth: callsOf(scene, 'metrics.read') + 3,
      times: silentTicks,
      moment: 'before',
      throws: 'INTERNAL',
    });
    const life = await scene.start('v2');
    await life.approve();
    expect((await life.result()).outcome).toBe('released');
    const shifts = scene.world.journal
      .of('route.set')
      .filter(({ weightsPercent }) => weightsPercent['v2'] !== undefined);
    const [to10, to50] = shifts;
    expect(to50?.weightsPercent).toEqual({ v1: 50, v2: 50 });
    expect(((to50?.at ?? 0) - (to10?.at ?? 0)) / 1000).toBeGreaterThanOrEqual(silentTicks);
  });

  test('asks a human when no traffic comes, and takes the answer', async () => {
    const scene = createScene(engine, { requestsPerSecond: 0 });
    await scene.champion('v1');
    const life = await scene.start('v2', { judge: { undecidedSecondsMax: 30 } });
    await life.approve();
    const asking = await life.whenRollout('it asks', ({ question }) => question !== null);
    expect(asking).toMatchObject({ paused: true, stage: 'canary', weightPercent: 10 });
    expect(asking.question).toContain('no counts for 30 s');

    await life.order('resume');
    await life.whenRollout('it asks again', ({ question }) => question !== null);
    await life.order('rollback', 'nobody uses it');
    const result = await life.result();
    expect(result.outcome).toBe('rolled-back');
    expect(result.reason).toContain('nobody uses it');
  });
});
