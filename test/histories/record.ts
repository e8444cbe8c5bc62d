/**
 * Records the golden histories anew, after a change of the workflows that is meant to change them:
 *
 *   ORRERY_HOME=.orrery node_modules/.bin/node test/histories/record.ts [beginnings of names…]
 *
 * Real workflow code and activities on a real development server, against simulated worlds with
 * fixed scripts. Ids of runs, times and signatures differ from recording to recording; what matters
 * is that replaying a recording issues the same commands. Read the difference before committing it.
 * With `trainModel` or `trainModel.happy`, every scenario runs and only those histories are written.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import type { WorldScript } from '../../backends/sim/settings.ts';
import { TASK_QUEUES } from '../../core/messages.ts';
import type { OrderOf } from '../../core/operations/order.ts';
import { createLife, createScene } from '../support/life.ts';
import type { Life, Scene } from '../support/life.ts';
import { until } from '../support/until.ts';
import { startWorkflowEngine } from '../support/workflow-engine.ts';
import type { WorkflowEngine } from '../support/workflow-engine.ts';
import { FLOW_RECORDINGS } from './record-flows.ts';
import { HISTORIES_FOLDER } from './replay.ts';

/** An outcome of a workflow type, and the run whose history shows it. */
type Recording = (engine: WorkflowEngine) => Promise<Readonly<Record<string, string>>>;

const STALLS: WorldScript = { jobs: [{ kind: 'train', ending: { does: 'stall', atPercent: 50 } }] };
const REFUSES: WorldScript = {
  jobs: [{ kind: 'train', ending: { does: 'exit', code: 64, atPercent: 10 } }],
};
const ERRS: WorldScript = { versions: { v2: { errorRate: 0.2 } } };
const POOR: WorldScript = { versions: { v1: { quality: 0 } } };

/** File name without its ending → workflow id, for each scenario. */
const RECORDINGS: readonly Recording[] = [
  async (engine) => {
    const scene = createScene(engine);
    const first = await scene.start('v1');
    await first.approve();
    await first.result();
    const life = await scene.start('v2');
    await life.order('pause');
    await life.order('resume');
    await life.approve();
    await life.result();
    return {
      'runLifecycle.happy-first': first.ids.lifecycle,
      'runLifecycle.happy': life.ids.lifecycle,
      'trainModel.happy': life.ids.training,
      'rolloutRegion.happy-first': first.ids.rollout(),
      'rolloutRegion.happy': life.ids.rollout(),
    };
  },
  async (engine) => {
    const life = await createScene(engine, POOR).start('v1');
    await life.result();
    return { 'runLifecycle.rejected': life.ids.lifecycle };
  },
  async (engine) => {
    const life = await createScene(engine, REFUSES).start('v1');
    await life.failure();
    return { 'runLifecycle.failed': life.ids.lifecycle, 'trainModel.rejected': life.ids.training };
  },
  async (engine) => {
    const life = await createScene(engine, STALLS).start('v1');
    await life.when('it trains', ({ stage }) => stage === 'train');
    await until('the job is watched', async () =>
      (await watches(engine, life.ids.training)) ? true : null,
    );
    await life.handle.cancel();
    await life.failure();
    return {
      'runLifecycle.cancelled': life.ids.lifecycle,
      'trainModel.cancelled': life.ids.training,
    };
  },
  async (engine) => {
    const scene = createScene(engine, ERRS);
    await scene.champion('v1');
    const life = await scene.start('v2');
    await life.approve();
    await life.result();
    return {
      'runLifecycle.rolled-back': life.ids.lifecycle,
      'rolloutRegion.rolled-back': life.ids.rollout(),
    };
  },
  async (engine) => {
    const scene = createScene(engine);
    await scene.champion('v1');
    const life = await startCanary(scene);
    await life.handle.cancel();
    await life.failure();
    return { 'rolloutRegion.cancelled': life.ids.rollout() };
  },
  async (engine) => {
    const scene = createScene(engine);
    await scene.champion('v1');
    const life = await startCanary(scene);
    await life.order('rollback');
    await life.result();
    return { 'rolloutRegion.ordered-back': life.ids.rollout() };
  },
  async (engine) => {
    const scene = createScene(engine);
    await scene.champion('v1');
    const { model } = scene;
    const { backends, release, version } = scene.request('v1');
    const workflowId = `rollout/${model}/${version}/eu`;
    const { regions: _regions, ...rest } = release;
    const again = await engine.client.workflow.start('rolloutRegion', {
      workflowId,
      taskQueue: TASK_QUEUES.orchestrate,
      args: [{ schemaVersion: 1, model, version, region: 'eu', backends, release: rest }],
    });
    await again.result().catch(() => undefined);
    return { 'rolloutRegion.rejected': workflowId };
  },
  async (engine) => {
    const { id, life } = await startRetraining(engine, createScene(engine));
    await life.approve();
    await life.result();
    return settled(engine, id, 'retrainModel.happy');
  },
  async (engine) => {
    const { id, life } = await startRetraining(engine, createScene(engine));
    await life.approve({ statement: { decision: 'reject', reason: 'not now' } });
    await life.result();
    return settled(engine, id, 'retrainModel.rejected');
  },
  async (engine) => {
    const { id, life } = await startRetraining(engine, createScene(engine, STALLS));
    await life.when('it trains', ({ stage }) => stage === 'train');
    await engine.client.workflow.getHandle(id).cancel();
    await life.failure();
    return settled(engine, id, 'retrainModel.cancelled');
  },
  async (engine) => {
    const scene = createScene(engine);
    await scene.champion('v1');
    const { id, life } = await startRetraining(engine, scene);
    await life.approve();
    await life.whenRollout('its canary runs', ({ weightPercent }) => weightPercent > 0);
    await life.order('rollback');
    await life.result();
    return settled(engine, id, 'retrainModel.rolled-back');
  },

  async (engine) => {
    const { model } = createScene(engine);
    const resources = { cpus: 2, memoryMiB: 4096 };
    const happy = await operate(engine, { kind: 'quotePrice', backend: model, resources });
    const rejected = await operate(engine, { kind: 'inventory', backend: 'mainframe' });
    return { 'operateBackend.happy': happy, 'operateBackend.rejected': rejected };
  },
];

/** An order of an operator, to its end. */
async function operate(
  { client }: WorkflowEngine,
  order: OrderOf<'quotePrice'> | OrderOf<'inventory'>,
): Promise<string> {
  const workflowId = `operate/${order.kind}/${order.backend}`;
  const options = { workflowId, taskQueue: TASK_QUEUES.orchestrate };
  await client.workflow
    .execute('operateBackend', { ...options, args: [{ schemaVersion: 1, order }] })
    .catch(() => undefined);
  return workflowId;
}

/** A canary that stays at its first step, since that wants more requests than come. */
async function startCanary(scene: Scene): Promise<Life> {
  const life = await scene.start('v2', {
    judge: { requestsMin: 1_000_000_000, undecidedSecondsMax: 1_000_000 },
  });
  await life.approve();
  await life.whenRollout('its canary runs', ({ weightPercent }) => weightPercent > 0);
  return life;
}

async function startRetraining(
  { client }: WorkflowEngine,
  scene: Scene,
): Promise<{ id: string; life: Life }> {
  const long = { judge: { requestsMin: 1_000_000_000, undecidedSecondsMax: 1_000_000 } };
  const { version: _version, ...lifecycle } = scene.request('v0', long);
  const id = `retrain/${scene.model}`;
  const handle = await client.workflow.start('retrainModel', {
    workflowId: id,
    taskQueue: TASK_QUEUES.orchestrate,
    args: [{ schemaVersion: 1, lifecycle }],
  });
  const child = await until('its lifecycle has started', async () => {
    const [pending] = (await handle.describe()).raw.pendingChildren ?? [];
    return pending?.workflowId ?? null;
  });
  const version = child.split('/')[2] ?? '';
  const life = createLife(client, client.workflow.getHandle(child), {
    model: scene.model,
    version,
  });
  return { id, life };
}

async function settled({ client }: WorkflowEngine, id: string, name: string) {
  await client.workflow
    .getHandle(id)
    .result()
    .catch(() => undefined);
  return { [name]: id };
}

async function watches({ client }: WorkflowEngine, id: string): Promise<boolean> {
  const description = await client.workflow
    .getHandle(id)
    .describe()
    .catch(() => null);
  const activities = description?.raw.pendingActivities ?? [];
  return activities.some(
    ({ activityType, lastHeartbeatTime }) =>
      activityType?.name === 'superviseJob' && lastHeartbeatTime,
  );
}

/** Members that tell who recorded and where the code lay: nobody's business, and never compared. */
const OF_THE_MACHINE: Readonly<Record<string, string>> = { identity: 'recorder', stackTrace: '' };

function anonymous(history: string): string {
  return JSON.stringify(
    JSON.parse(history, (name, value: unknown) => OF_THE_MACHINE[name] ?? value),
  );
}

const only = process.argv.slice(2);
const engine = await startWorkflowEngine('dev');
try {
  for (const record of [...RECORDINGS, ...FLOW_RECORDINGS]) {
    for (const [name, workflowId] of Object.entries(await record(engine))) {
      if (only.length > 0 && !only.some((begin) => name.startsWith(begin))) continue;
      const history = await engine.client.workflow.getHandle(workflowId).fetchHistory();
      writeFileSync(
        join(HISTORIES_FOLDER, `${name}.json`),
        `${anonymous(historyToJSON(history))}\n`,
      );
      process.stdout.write(`${name}: ${history.events?.length ?? 0} events\n`);
    }
  }
} finally {
  await engine.close();
}
