/**
 * The sweeper against a real Temporal server: whose work is an orphan hangs on what the server says of
 * workflows that run, were terminated and were reset. The far side is a world in this process.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { trainingId } from '../../core/ids.ts';
import { TASK_QUEUES } from '../../core/messages.ts';
import type { Io } from '../../service/cli/io.ts';
import { runCli } from '../../service/cli/program.ts';
import { listWork } from '../../service/operations/work.ts';
import type { OwnedWork } from '../../service/operations/work.ts';
import { contractIntent } from '../support/contract/harness.ts';
import { createScene } from '../support/life.ts';
import type { Scene } from '../support/life.ts';
import { until } from '../support/until.ts';
import { startWorkflowEngine } from '../support/workflow-engine.ts';
import type { WorkflowEngine } from '../support/workflow-engine.ts';

/** Virtual time passes fast while a job is watched: longer than any test, 23 days. */
const TIMEOUT_SECONDS = 2_000_000;
const WORKFLOW_TASK_COMPLETED = 7;

let engine: WorkflowEngine;
let scene: Scene;
beforeAll(async () => {
  engine = await startWorkflowEngine('dev');
  scene = createScene(engine, {
    jobs: [{ kind: 'train', ending: { does: 'stall', atPercent: 50 } }],
  });
}, 60_000);
afterAll(() => engine.close());

/** A training whose job never ends by itself, once that job runs. */
async function training(version: string) {
  const { model, world } = scene;
  const { training: wanted } = scene.request(version);
  const train = { ...wanted.train, timeoutSeconds: TIMEOUT_SECONDS };
  const data = await world.ports.artifacts.import('sim://data');
  const backends = { default: model };
  const handle = await engine.client.workflow.start('trainModel', {
    workflowId: trainingId({ model, version }),
    taskQueue: TASK_QUEUES.orchestrate,
    args: [{ schemaVersion: 1, model, version, backends, data, training: { ...wanted, train } }],
  });
  const key = await until(`${version} trains`, async () => startsOf(version)[0]?.key ?? null);
  return { handle, key };
}

const startsOf = (version: string) =>
  scene.world.journal
    .of('job.started')
    .filter((job) => job.kind === 'train' && job.version === version);

async function workOf(key: string): Promise<OwnedWork | undefined> {
  const { work } = await listWork(engine.client, { backend: scene.model });
  return work.find((each) => each.key === key);
}

/** Starts a closed run again in its middle, as an operator may. */
async function reset(workflowId: string): Promise<void> {
  const { client } = engine;
  const handle = client.workflow.getHandle(workflowId);
  const { runId } = await handle.describe();
  const { events } = await handle.fetchHistory();
  const last = (events ?? []).findLast(({ eventType }) => eventType === WORKFLOW_TASK_COMPLETED);
  await client.workflowService.resetWorkflowExecution({
    namespace: client.options.namespace,
    workflowExecution: { workflowId, runId },
    reason: 'a test',
    workflowTaskFinishEventId: last!.eventId!,
    requestId: randomUUID(),
  });
}

async function sweep(...args: readonly string[]) {
  let out = '';
  const io: Io = {
    env: {},
    interactive: false,
    out: (text) => void (out += text),
    err: () => undefined,
    readStdin: async () => '',
    confirm: async () => false,
    openEngine: async () => ({
      client: engine.client,
      address: 'test',
      namespace: 'default',
      close: async () => undefined,
    }),
  };
  const words = ['work', 'sweep', '--backend', scene.model, '--json', ...args];
  return { code: await runCli(words, io), out };
}

describe('orrery work sweep', () => {
  test('leaves the job of a workflow that runs, and stops the one of a workflow that was terminated', async () => {
    const running = await training('runs');
    const dead = await training('dead');
    expect(await workOf(dead.key)).toMatchObject({ owner: 'running', orphan: false });
    await dead.handle.terminate('an operator was in a hurry');
    expect(await workOf(dead.key)).toMatchObject({
      owner: 'ended',
      orphan: true,
      phase: 'running',
    });

    const looked = await sweep();
    expect(JSON.parse(looked.out)).toMatchObject({ work: [{ key: dead.key }], stopped: [] });
    expect(scene.world.journal.of('job.stop-asked')).toEqual([]);

    const swept = await sweep('--stop', '-y');
    expect(swept.code).toBe(0);
    expect(JSON.parse(swept.out)).toMatchObject({
      stopped: [{ key: dead.key, phase: 'cancelled', stopped: { phase: 'cancelled' } }],
    });
    expect(await workOf(dead.key)).toMatchObject({ phase: 'cancelled', orphan: false });
    expect(await workOf(running.key)).toMatchObject({ phase: 'running', orphan: false });
    expect(JSON.parse((await sweep()).out)).toMatchObject({ work: [] });
    await running.handle.terminate('the test is over');
  });

  test('takes nothing from a workflow that was reset: its job is its own again', async () => {
    const { handle, key } = await training('reset');
    await handle.terminate('a mistake');
    expect(await workOf(key)).toMatchObject({ orphan: true });
    await reset(handle.workflowId);
    expect(await workOf(key)).toMatchObject({ owner: 'running', orphan: false });
    await sweep('--stop', '-y');
    expect(await workOf(key)).toMatchObject({ phase: 'running' });
    // The run that was reset has the same first run, so the same key: no second job.
    expect(startsOf('reset')).toHaveLength(1);
    await engine.client.workflow.getHandle(handle.workflowId).cancel();
    await until('its own stop came', async () =>
      (await workOf(key))?.phase === 'cancelled' ? true : null,
    );
  });

  test('tells work of a workflow that the server never knew as such, and keeps it when told to', async () => {
    const job = { command: ['train'], version: 'foreign', outputs: [] };
    const { handle } = await scene.world.ports.compute.start(contractIntent(job, 'foreign'));
    expect(await workOf(handle.key)).toMatchObject({ owner: 'unknown', orphan: true });
    await sweep('--stop', '-y', '--keep-unknown');
    expect(await workOf(handle.key)).toMatchObject({ phase: 'running' });
    await sweep('--stop', '-y');
    expect(await workOf(handle.key)).toMatchObject({ phase: 'cancelled' });
  });
});
