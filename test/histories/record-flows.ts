import type { WorkflowHandle } from '@temporalio/client';
import type { WorldScript } from '../../backends/sim/settings.ts';
import type { World } from '../../backends/sim/world.ts';
import {
  pipelineRequest,
  startPipeline,
  startTuning,
  tuneRequest,
} from '../support/flow-requests.ts';
import { createScene } from '../support/life.ts';
import { until } from '../support/until.ts';
import type { WorkflowEngine } from '../support/workflow-engine.ts';

type Recording = (engine: WorkflowEngine) => Promise<Readonly<Record<string, string>>>;

const PIPELINES: WorldScript['pipelines'] = {
  flaky: {
    tasks: [
      { name: 'read', writes: ['s3://raw/day'] },
      { name: 'join', fails: 1 },
    ],
  },
  broken: { tasks: [{ name: 'read' }, { name: 'join', fails: 99 }] },
  endless: { tasks: [{ name: 'wait', stalls: true }] },
};
const NO_QUOTA = { times: 9, moment: 'before', throws: 'QUOTA_EXCEEDED' } as const;
const SEARCHED: WorldScript = {
  objective: { optimum: { rate: 0.01 } },
  jobSeconds: { train: 20 },
};
/** Long enough that a stalled job is still there when it is cancelled. */
const LONG_SECONDS = 2_000_000;

/** File name without its ending → workflow id, for each scenario of pipelines and searches. */
export const FLOW_RECORDINGS: readonly Recording[] = [
  async (engine) => {
    engine.worlds.add('pipes-full', { faults: [{ call: 'pipeline.start', ...NO_QUOTA }] });
    engine.worlds.add('pipes', { pipelines: PIPELINES });
    const run = (pipeline: string, on: readonly string[] = ['pipes']) =>
      startPipeline(
        engine,
        pipelineRequest('pipes', { pipeline: { pipeline, on }, policy: { retryTasks: 1 } }),
      );
    return {
      'runPipeline.happy': await ended(run('flaky', ['pipes-full', 'pipes'])),
      'runPipeline.failed': await ended(run('broken')),
      'runPipeline.rejected': await ended(run('flaky', ['mainframe'])),
    };
  },
  async (engine) => {
    const { world } = engine.worlds.add('pipes-endless', { pipelines: PIPELINES });
    const request = pipelineRequest('pipes-endless', {
      pipeline: { pipeline: 'endless', timeoutSeconds: LONG_SECONDS },
    });
    const handle = await startPipeline(engine, request);
    await watched(engine, handle, world, 'superviseRun');
    await handle.cancel();
    return { 'runPipeline.cancelled': await ended(handle) };
  },
  async (engine) => {
    engine.worlds.add('searches', SEARCHED);
    const space = [
      { name: 'rate', type: 'double', min: 0.01, max: 100, scale: 'log', gridPoints: 5 },
    ] as const;
    const happy = tuneRequest('searches', {
      search: { space, trialsMax: 5, parallelMax: 1, earlyStopping: 'median' },
    });
    const failed = tuneRequest('searches', {
      search: { objective: { metric: 'accuracy', goal: 'maximize' } },
    });
    const start = (request: typeof happy) => startTuning(engine, request);
    return {
      'tuneModel.happy': await ended(start(happy)),
      'tuneModel.happy-backend': await ended(start(tuneRequest('searches', { engine: 'backend' }))),
      'tuneModel.failed': await ended(start(failed)),
      'tuneModel.rejected': await ended(start(tuneRequest('searches', { on: ['mainframe'] }))),
    };
  },
  async (engine) => {
    const { world } = engine.worlds.add('searches-endless', {
      jobs: [{ ending: { does: 'stall', atPercent: 50 } }],
    });
    const request = tuneRequest('searches-endless', { search: { parallelMax: 1 } });
    const trial = { ...request.search.trial, timeoutSeconds: LONG_SECONDS };
    const search = { ...request.search, trial, timeoutSeconds: LONG_SECONDS };
    const handle = await startTuning(engine, { ...request, search });
    await watched(engine, handle, world, 'superviseJob');
    await handle.cancel();
    return { 'tuneModel.cancelled': await ended(handle) };
  },
  async (engine) => {
    const scene = createScene(engine, { jobSeconds: { prepare: 2, train: 20, score: 2 } });
    const full = `${scene.model}-full`;
    engine.worlds.add(full, { faults: [{ call: 'compute.start', ...NO_QUOTA }] }, scene.world);
    const life = await scene.start('v1', { backends: { steps: { train: [full, scene.model] } } });
    await life.question();
    await life.handle.terminate('it is recorded');
    return { 'trainModel.moved-on': life.ids.training };
  },
];

async function ended(starting: WorkflowHandle | Promise<WorkflowHandle>): Promise<string> {
  const handle = await starting;
  await handle.result().catch(() => undefined);
  return handle.workflowId;
}

/** Waits until the far side has begun and the watcher has told of it. */
async function watched(
  { client }: WorkflowEngine,
  { workflowId }: WorkflowHandle,
  world: World,
  activity: string,
): Promise<void> {
  await until('the work is watched', async () => {
    const begun = world.journal.entries.some(({ what }) => what.endsWith('.started'));
    const { raw } = await client.workflow.getHandle(workflowId).describe();
    const beats = (raw.pendingActivities ?? []).some(
      (pending) => pending.activityType?.name === activity && pending.lastHeartbeatTime,
    );
    return begun && beats ? true : null;
  });
}
