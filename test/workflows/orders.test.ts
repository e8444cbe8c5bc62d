import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { SIGNALS, UPDATES } from '../../core/messages.ts';
import { createScene, failureOf } from '../support/life.ts';
import type { Life, Scene } from '../support/life.ts';
import { startWorkflowEngine } from '../support/workflow-engine.ts';
import type { WorkflowEngine } from '../support/workflow-engine.ts';

let engine: WorkflowEngine;
beforeAll(async () => {
  engine = await startWorkflowEngine('dev');
}, 60_000);
afterAll(() => engine.close());

/** A life whose canary has 10 % of the traffic, held in the middle of an observation. */
async function inCanary(scene: Scene): Promise<{ life: Life; goOn: () => void }> {
  await scene.champion('v1');
  const observing = scene.hold.at('metrics.read', scene.world.faults.calls('metrics.read') + 3);
  const life = await scene.start('v2');
  await life.approve();
  await observing.reached;
  return { life, goOn: observing.release };
}

async function weights(scene: Scene): Promise<Record<string, number>> {
  const reading = await scene.world.ports.traffic.read(`${scene.model}.eu`);
  return Object.fromEntries(
    (reading?.arms ?? []).map(({ version, weightPercent }) => [version, weightPercent]),
  );
}

describe('pause', () => {
  test('before a stage holds the life there until resume', async () => {
    const scene = createScene(engine);
    const training = scene.hold.at('compute.read');
    const life = await scene.start('v1', { release: { bakeSeconds: 0 } });
    await training.reached;
    expect(await life.order('pause')).toEqual({ accepted: true, effect: 'holds after train' });
    training.release();
    const paused = await life.when('the training is through', ({ gates }) =>
      gates.some(({ stage }) => stage === 'train'),
    );
    expect(paused).toMatchObject({ stage: 'train', paused: true });
    expect(scene.world.journal.of('job.started').map(({ kind }) => kind)).toEqual([
      'prepare',
      'train',
    ]);
    expect(await life.order('resume')).toEqual({ accepted: true, effect: 'goes on' });
    await life.approve();
    expect((await life.result()).outcome).toBe('released');
  });

  test('during the canary holds the weights until resume, and then the climb goes on', async () => {
    const scene = createScene(engine);
    const { life, goOn } = await inCanary(scene);
    const answer = await life.order('pause');
    expect(answer.effect).toBe('holds the weights in eu');
    await life.whenRollout('the rollout is paused', ({ paused }) => paused);
    goOn();
    expect(await life.rolloutStatus()).toMatchObject({ weightPercent: 10, stage: 'canary' });
    expect(await weights(scene)).toEqual({ v1: 90, v2: 10 });

    expect((await life.order('resume')).effect).toBe('the rollout in eu goes on');
    expect((await life.result()).outcome).toBe('released');
  });
});

describe('rollback', () => {
  test('during the canary gives all traffic back to the champion', async () => {
    const scene = createScene(engine);
    const { life, goOn } = await inCanary(scene);
    const answer = await life.order('rollback', 'customers complain');
    expect(answer.effect).toBe('the rollout in eu is taken back');
    await life.whenRollout('it is taken back', ({ stage }) => stage !== 'canary');
    goOn();
    const result = await life.result();
    expect(result.outcome).toBe('rolled-back');
    expect(result.rollouts).toMatchObject([
      { outcome: 'rolled-back', champion: 'v1', weightPercent: 0 },
    ]);
    expect(result.reason).toContain('ordered by grace: customers complain');
    expect(await weights(scene)).toEqual({ v1: 100, v2: 0 });
    expect(await scene.world.ports.models.fact(scene.model, 'eu')).toMatchObject({
      champion: 'v1',
      challenger: null,
    });
  });

  test('is carried out while the rollout is paused', async () => {
    const scene = createScene(engine);
    const { life, goOn } = await inCanary(scene);
    await life.order('pause');
    await life.whenRollout('the rollout is paused', ({ paused }) => paused);
    goOn();
    await life.order('rollback');
    // A paused life would not enter its last stage.
    await life.whenRollout('it is taken back', ({ outcome }) => outcome !== null);
    expect((await life.result()).outcome).toBe('rolled-back');
  });

  test('without a rollout is refused and leaves no trace', async () => {
    const scene = createScene(engine);
    const life = await scene.start('v1');
    await life.question();
    expect(await failureOf(life.order('rollback'))).toMatchObject({
      code: 'ORDER_REFUSED',
      message: expect.stringContaining('no rollout runs'),
    });
    expect((await failureOf(life.order('resume'))).code).toBe('ORDER_REFUSED');
    const malformed = life.handle.executeUpdate(UPDATES.pause, { args: [{ by: 'grace' }] });
    expect((await failureOf(malformed)).code).toBe('REQUEST_INVALID');
    await life.order('pause');
    expect((await failureOf(life.order('pause'))).message).toContain('it is paused already');
    await life.handle.terminate('the test is over');
  });
});

describe('An incident', () => {
  test('in the region of the rollout takes it back', async () => {
    const scene = createScene(engine);
    const { life, goOn } = await inCanary(scene);
    await life.reportIncident({ region: 'eu', description: 'chargebacks double' });
    await life.whenRollout('it is taken back', ({ stage }) => stage !== 'canary');
    goOn();
    const result = await life.result();
    expect(result.outcome).toBe('rolled-back');
    expect(result.reason).toContain('ordered by incident: chargebacks double');
  });

  test('in another region leaves the rollout alone', async () => {
    const scene = createScene(engine);
    const { life, goOn } = await inCanary(scene);
    await life.reportIncident({ region: 'us', description: 'an outage over there' });
    goOn();
    expect((await life.result()).outcome).toBe('released');
  });

  test('that is malformed is left alone, as is a malformed order to the rollout', async () => {
    const scene = createScene(engine);
    const { life, goOn } = await inCanary(scene);
    await life.handle.signal(SIGNALS.reportIncident);
    await life.handle.signal(SIGNALS.reportIncident, { region: 'eu' });
    const rollout = engine.client.workflow.getHandle(life.ids.rollout());
    await rollout.signal(SIGNALS.orderRollout);
    await rollout.signal(SIGNALS.orderRollout, { order: 'explode', by: 'x', reason: 'y' });
    goOn();
    expect((await life.result()).outcome).toBe('released');
  });

  test('that comes when the rollout has ended does not fail the life', async () => {
    const scene = createScene(engine);
    const life = await scene.start('v1', { release: { bakeSeconds: 0 } });
    await life.approve();
    // From the first moment of the release to its end, whichever of the two sees each one first.
    const ended = life.result();
    let over = false;
    void ended.finally(() => (over = true));
    while (!over) {
      await life.reportIncident({ region: 'us', description: 'elsewhere' }).catch(() => undefined);
      await life.order('resume').catch(() => undefined);
    }
    expect((await ended).outcome).toBe('released');
  });
});
