import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { lifecycleId, rolloutId, trainingId } from '../../core/ids.ts';
import { TASK_QUEUES, WORKFLOW_TYPES } from '../../core/messages.ts';
import { createScene, failureOf } from '../support/life.ts';
import type { Scene } from '../support/life.ts';
import { startWorkflowEngine } from '../support/workflow-engine.ts';
import type { WorkflowEngine } from '../support/workflow-engine.ts';

let engine: WorkflowEngine;
let scene: Scene;
beforeAll(async () => {
  engine = await startWorkflowEngine('dev');
  scene = createScene(engine, { files: { data: { rows: 120, label: 'label' } } });
}, 60_000);
afterAll(() => engine.close());

/** Starts past the service, as Temporal's own CLI does. */
async function failureOfStart(type: string, workflowId: string, ...args: unknown[]) {
  const options = { workflowId, taskQueue: TASK_QUEUES.orchestrate, args };
  return failureOf(engine.client.workflow.execute(type, options));
}

describe('A workflow that is started with a Temporal client', () => {
  test.each(WORKFLOW_TYPES)('%s refuses to run without a request', async (type) => {
    const { code } = await failureOfStart(type, `no-request/${type}`);
    expect(code).toBe('REQUEST_INVALID');
  });

  test('runLifecycle names the members that do not fit', async () => {
    const request = scene.request('malformed');
    const release = { ...request.release, stepsPercent: [120] };
    const { code, message } = await failureOfStart('runLifecycle', lifecycleId(request), {
      ...request,
      release,
    });
    expect(code).toBe('REQUEST_INVALID');
    expect(message).toContain('release.stepsPercent');
    expect(message).toContain('a weight is 0–100');
  });

  test('runLifecycle refuses an id that is not that of its request', async () => {
    const request = scene.request('named');
    const { code, message } = await failureOfStart('runLifecycle', 'lifecycle/other/v1', request);
    expect(code).toBe('ID_MISMATCH');
    expect(message).toContain(lifecycleId(request));
  });

  test('trainModel and rolloutRegion refuse ids that are not those of their requests', async () => {
    const { training, backends, release, model } = scene.request('parts');
    const names = { schemaVersion: 1, model, version: 'parts', backends };
    const data = { uri: 'sim://data', sha256: '0'.repeat(64), bytes: 1 };
    const { regions: _, ...rest } = release;
    const failures = await Promise.all([
      failureOfStart('trainModel', 'training/other/v1', { ...names, data, training }),
      failureOfStart('rolloutRegion', 'rollout/other/v1/eu', {
        ...names,
        region: 'eu',
        release: rest,
      }),
    ]);
    expect(failures.map(({ code }) => code)).toEqual(['ID_MISMATCH', 'ID_MISMATCH']);
    expect(failures[0]?.message).toContain(trainingId({ model, version: 'parts' }));
    expect(failures[1]?.message).toContain(rolloutId({ model, version: 'parts', region: 'eu' }));
  });

  test('runLifecycle refuses a backend that nobody registered', async () => {
    const life = await scene.start('elsewhere', { backends: { compute: 'mainframe' } });
    const { code, message } = await life.failure();
    expect(code).toBe('BACKEND_UNKNOWN');
    expect(message).toContain('mainframe');
  });

  test('runLifecycle says why a backend lacks a port and who has it', async () => {
    engine.worlds.addLacking('batch-only', 'serving', 'it only runs jobs');
    const life = await scene.start('unserved', { backends: { serving: 'batch-only' } });
    const { code, message } = await life.failure();
    expect(code).toBe('PORT_MISSING');
    expect(message).toContain('it only runs jobs');
    expect(message).toContain(`${scene.model} has it`);
  });
});

describe('runLifecycle', () => {
  test('names every violation of the data contract and trains nothing', async () => {
    const life = await scene.start('dirty', {
      contract: {
        rowsMin: 5000,
        columns: [
          { name: 'id', type: 'integer', role: 'identifier' },
          { name: 'amount', type: 'number', max: 1 },
          { name: 'country', type: 'string' },
          { name: 'label', type: 'integer', values: [0, 1], role: 'label' },
        ],
      },
    });
    const { code, message } = await life.failure();
    expect(code).toBe('DATA_CONTRACT_BROKEN');
    expect(message).toContain('5000');
    expect(message).toContain('amount');
    expect(message).toContain('country');
    const { gates, outcome } = await life.status();
    expect(gates.at(-1)).toMatchObject({ stage: 'data', passed: false });
    expect(outcome).toBe('failed');
    expect(jobsOf('dirty')).toEqual([]);
  });

  test('fails for data that does not exist', async () => {
    const { code } = await (await scene.start('no-data', { uri: 'sim://nothing' })).failure();
    expect(code).toMatch(/ARTIFACT_MISSING|DATA_UNREADABLE/);
  });

  test('ends as rejected when the evaluation does not reach its floor', async () => {
    const poor = createScene(engine, { versions: { v1: { quality: 0 } } });
    const life = await poor.start('v1');
    const result = await life.result();
    expect(result.outcome).toBe('rejected');
    expect(result.reason).toContain('floor 0.3');
    expect(poor.world.journal.of('statement.signed')).toEqual([]);
    expect(poor.world.journal.of('version.registered')).toEqual([]);
  });

  test('ends as rejected when the candidate is worse than the champion', async () => {
    const worse = createScene(engine, { versions: { v2: { quality: 0 } } });
    await worse.champion('v1');
    const result = await (await worse.start('v2')).result();
    expect(result.outcome).toBe('rejected');
    expect(result.reason).toContain('against v1');
  });

  test('enters no further stage once the budget is spent', async () => {
    const life = await scene.start('dear', { costUsdMax: 0.0002 });
    const { code, message } = await life.failure();
    expect(code).toBe('BUDGET_SPENT');
    expect(message).toContain('Cannot enter evaluate');
    expect(jobsOf('dear')).toEqual(['prepare', 'train']);
  });
});

function jobsOf(version: string): string[] {
  return scene.world.journal
    .of('job.started')
    .filter((job) => job.version === version)
    .map(({ kind }) => kind);
}
