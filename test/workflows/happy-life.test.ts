import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { lifecycleId } from '../../core/ids.ts';
import { TASK_QUEUES } from '../../core/messages.ts';
import { retrainVersion } from '../../core/release/retrain.ts';
import type { RetrainResult } from '../../core/release/retrain.ts';
import { createLife, createScene } from '../support/life.ts';
import { startWorkflowEngine } from '../support/workflow-engine.ts';
import type { WorkflowEngine } from '../support/workflow-engine.ts';

let engine: WorkflowEngine;
beforeAll(async () => {
  engine = await startWorkflowEngine('dev');
}, 60_000);
afterAll(() => engine.close());

describe('runLifecycle', () => {
  test('gives a first version all of the traffic', async () => {
    const scene = createScene(engine);
    const life = await scene.start('v1');
    await life.approve();
    const result = await life.result();

    expect(result).toMatchObject({ outcome: 'released', reason: 'eu: v1 serves 100 %' });
    expect(result.rollouts).toMatchObject([
      { outcome: 'promoted', champion: 'v1', weightPercent: 100 },
    ]);
    expect(result.cost.lines.map(({ step }) => step)).toEqual(['prepare', 'train', 'score']);
    expect(await scene.world.ports.models.fact(scene.model, 'eu')).toMatchObject({
      champion: 'v1',
      challenger: null,
    });
    const { gates, stage } = await life.status();
    expect(stage).toBe('done');
    expect(gates.map((gate) => [gate.stage, gate.passed])).toEqual([
      ['admit', true],
      ['data', true],
      ['train', true],
      ['evaluate', true],
      ['sign', true],
      ['approve', true],
      ['release', true],
    ]);
  }, 30_000);

  test('climbs a canary past the champion and ends the version before', async () => {
    const scene = createScene(engine);
    await scene.champion('v1');
    const life = await scene.start('v2');
    await life.approve();
    const result = await life.result();

    expect(result.outcome).toBe('released');
    // The judge compares at 10 and 50 %; what follows at 100 % is the bake.
    expect(result.rollouts[0]?.steps.map(({ weightPercent }) => weightPercent)).toEqual([
      10, 50, 100,
    ]);
    expect(result.cost.lines.map(({ step }) => step).toSorted()).toEqual([
      'prepare',
      'score',
      'score-champion',
      'train',
    ]);
    expect(weightsOf(scene, 'v2')).toEqual([10, 50, 100, 100]);
    expect(await scene.world.ports.models.fact(scene.model, 'eu')).toMatchObject({
      champion: 'v2',
      previous: 'v1',
      challenger: null,
    });
    const gone = scene.world.journal.of('endpoint.gone').map(({ version }) => version);
    expect(gone).toEqual(['v1']);
  }, 30_000);

  test('releases region by region, in the order of the request', async () => {
    const scene = createScene(engine);
    const life = await scene.start('v1', { release: { regions: ['eu', 'us'], bakeSeconds: 0 } });
    await life.approve();
    const { rollouts } = await life.result();

    expect(rollouts.map(({ region, outcome }) => [region, outcome])).toEqual([
      ['eu', 'promoted'],
      ['us', 'promoted'],
    ]);
  }, 30_000);
});

describe('retrainModel', () => {
  test('runs a lifecycle under a version of its own and tells how it ended', async () => {
    const scene = createScene(engine);
    const { version: _, ...lifecycle } = scene.request('unused', { release: { bakeSeconds: 0 } });
    const handle = await engine.client.workflow.start('retrainModel', {
      workflowId: `retrain/${scene.model}`,
      taskQueue: TASK_QUEUES.orchestrate,
      args: [{ schemaVersion: 1, lifecycle }],
    });
    const { startTime, runId } = await handle.describe();
    const version = retrainVersion(startTime.toISOString(), runId);
    const id = { model: scene.model, version };
    const child = engine.client.workflow.getHandle(lifecycleId(id));
    await createLife(engine.client, child, id).approve();

    const result = (await handle.result()) as RetrainResult;
    expect(result).toEqual({ lifecycleId: lifecycleId(id), outcome: 'released' });
  }, 30_000);
});

function weightsOf({ world }: ReturnType<typeof createScene>, version: string): number[] {
  return world.journal
    .of('route.set')
    .map(({ weightsPercent }) => weightsPercent[version])
    .filter((weight) => weight !== undefined);
}
