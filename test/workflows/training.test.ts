import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { World } from '../../backends/sim/world.ts';
import { createScene } from '../support/life.ts';
import { until } from '../support/until.ts';
import { startWorkflowEngine } from '../support/workflow-engine.ts';
import type { WorkflowEngine } from '../support/workflow-engine.ts';

let engine: WorkflowEngine;
beforeAll(async () => {
  engine = await startWorkflowEngine('dev');
}, 60_000);
afterAll(() => engine.close());

/** Attempts of the training job, as the world counts them, and how each ended. */
function trainings(world: World): [number, string | undefined][] {
  const ends = new Map(world.journal.of('job.ended').map(({ key, phase }) => [key, phase]));
  return world.journal
    .of('job.started')
    .filter(({ kind }) => kind === 'train')
    .map(({ key, attempt }) => [attempt, ends.get(key)]);
}

describe('trainModel', () => {
  test('resumes a killed training from its last checkpoint', async () => {
    const scene = createScene(engine, {
      jobs: [{ kind: 'train', attempt: 1, ending: { does: 'kill', atPercent: 60 } }],
    });
    const life = await scene.start('v1');
    const { gates, cost } = await life.when('the life asks', ({ approval }) => approval !== null);
    expect(trainings(scene.world)).toEqual([
      [1, 'failed'],
      [2, 'succeeded'],
    ]);
    // 20 s of work: killed at 60 %, resumed from the checkpoint at 50 %.
    expect(cost.lines.find(({ step }) => step === 'train')?.billableSeconds).toBeCloseTo(12 + 10);
    expect(gates.find(({ stage }) => stage === 'train')?.reason).toContain(
      'in 2 attempts (ended by SIGKILL)',
    );
    await life.handle.terminate('the test is over');
  });

  test('gives up after the attempts that its policy allows', async () => {
    const scene = createScene(engine, {
      jobs: [{ kind: 'train', ending: { does: 'exit', code: 3, atPercent: 10 } }],
    });
    const life = await scene.start('v1', { policy: { attemptsMax: 2 } });
    const { code, message } = await life.failure();
    expect(code).toBe('JOB_FAILED');
    expect(message).toContain('attempt 2 of 2: exit code 3');
    expect(message).toContain('log: sim://jobs/');
    expect(trainings(scene.world)).toEqual([
      [1, 'failed'],
      [2, 'failed'],
    ]);
    expect((await life.status()).outcome).toBe('failed');
  });

  test('does not retry a program that refuses its input', async () => {
    const scene = createScene(engine, {
      jobs: [{ kind: 'train', ending: { does: 'exit', code: 64 } }],
    });
    const { code } = await (await scene.start('v1')).failure();
    expect(code).toBe('JOB_REJECTED');
    expect(trainings(scene.world)).toEqual([[1, 'failed']]);
  });

  test('tries again for outputs that were promised and not left', async () => {
    const scene = createScene(engine, {
      jobs: [{ kind: 'train', attempt: 1, ending: { does: 'lose-outputs' } }],
    });
    const life = await scene.start('v1');
    await life.question();
    expect(trainings(scene.world)).toEqual([
      [1, 'failed'],
      [2, 'succeeded'],
    ]);
    await life.handle.terminate('the test is over');
  });

  test('starts the next attempt for a job that vanished without an end', async () => {
    const scene = createScene(engine, {
      jobs: [{ kind: 'train', attempt: 1, ending: { does: 'vanish', atPercent: 30 } }],
    });
    const life = await scene.start('v1');
    await life.question();
    expect(trainings(scene.world)).toEqual([
      [1, 'lost'],
      [2, 'succeeded'],
    ]);
    await life.handle.terminate('the test is over');
  });

  test('stops a stalled training, though replies of the stop are lost, and tries again', async () => {
    const scene = createScene(engine, {
      jobs: [{ kind: 'train', attempt: 1, ending: { does: 'stall', atPercent: 40 } }],
      faults: [
        { call: 'compute.stop', nth: 1, moment: 'before' },
        { call: 'compute.stop', nth: 2, moment: 'after' },
      ],
    });
    const life = await scene.start('v1', { policy: { stallSeconds: 30 } });
    const { gates } = await life.when('the life asks', ({ approval }) => approval !== null);
    expect(trainings(scene.world)).toEqual([
      [1, 'cancelled'],
      [2, 'succeeded'],
    ]);
    expect(scene.world.journal.of('job.stop-asked')).toHaveLength(1);
    expect(scene.world.journal.of('fault.fired')).toHaveLength(2);
    expect(gates.find(({ stage }) => stage === 'train')?.reason).toContain('no progress for 30 s');
    await life.handle.terminate('the test is over');
  });
});

describe('A cancelled life', () => {
  test('has stopped its training for real', async () => {
    const scene = createScene(engine);
    // The first job prepares; the third reading of the next one is in the middle of the training.
    const preparing = scene.hold.at('compute.start', 2);
    const life = await scene.start('v1');
    await preparing.reached;
    const reads = scene.world.faults.calls('compute.read');
    const training = scene.hold.at('compute.read', reads + 3);
    preparing.release();
    await training.reached;
    await life.handle.cancel();
    await life.when('the job has ended', () => trainings(scene.world)[0]?.[1] !== undefined);
    training.release();

    expect((await life.failure()).code).toBe('cancelled');
    expect(trainings(scene.world)).toEqual([[1, 'cancelled']]);
    const { outcome } = await life.status();
    expect(outcome).toBe('cancelled');
    const trainer = engine.client.workflow.getHandle(life.ids.training);
    expect((await trainer.describe()).status.name).toBe('CANCELLED');
  });

  test('has given back the job that it had asked for while the reply was on its way', async () => {
    const scene = createScene(engine);
    const starting = scene.hold.at('compute.start', 2);
    const life = await scene.start('v1');
    await starting.reached;
    await life.handle.cancel();
    const trainer = engine.client.workflow.getHandle(life.ids.training);
    await until('the cancellation has reached the training', async () => {
      const { events } = await trainer.fetchHistory();
      return events?.some((event) => event.workflowExecutionCancelRequestedEventAttributes) || null;
    });
    starting.release();
    expect((await life.failure()).code).toBe('cancelled');
    expect(trainings(scene.world)).toEqual([[1, 'cancelled']]);
  });
});
