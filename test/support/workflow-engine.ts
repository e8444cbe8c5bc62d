import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import type { WorkerOptions } from '@temporalio/worker';
import { SEARCH_ATTRIBUTES } from '../../core/messages.ts';
import type { TaskQueue } from '../../core/messages.ts';
import { workflowBundle } from '../../workers/bundle.ts';
import { controlOptions } from '../../workers/control.ts';
import { kernelsOptions } from '../../workers/kernels.ts';
import { watchOptions } from '../../workers/watch.ts';
import { temporalProgram, timeSkippingProgram } from './tools.ts';
import { createWorlds } from './worlds.ts';
import type { Worlds } from './worlds.ts';

/** A server of its own with the workers of every queue in this process. */
export interface WorkflowEngine {
  readonly client: Client;
  readonly worlds: Worlds;
  close(): Promise<void>;
}

/** Numbers of `temporal.api.enums.v1.IndexedValueType`. */
const INDEXED_VALUE_TYPES = { Keyword: 2, Double: 4, Bool: 5 } as const;

/** Workers that are told to drain get so long; a held call is released before. */
const DRAIN_MS_MAX = 2000;

/**
 * `dev` is the real server, on which virtual time of the worlds passes fast enough. `time-skipping`
 * is Temporal's test server, on which timers of workflows pass at once while a test waits for a
 * result, for deadlines of days. It also skips to the timeouts of whatever else runs there (a second
 * run that is about to start ends as timed out), so only tests of one run at a time can use it.
 */
export async function startWorkflowEngine(kind: 'time-skipping' | 'dev'): Promise<WorkflowEngine> {
  // Failures of activities are what these tests are about; their logs would drown the report.
  Runtime.install({
    logger: new DefaultLogger('ERROR', () => undefined),
    telemetryOptions: { logging: { filter: 'OFF' } },
  });
  const environment = await (kind === 'dev' ? startDevServer() : startTimeSkippingServer());
  const worlds = createWorlds();
  const workers = await startWorkers(environment, worlds);
  return {
    client: environment.client,
    worlds,
    close: async () => {
      await workers.stop();
      await environment.teardown();
    },
  };
}

async function startTimeSkippingServer(): Promise<TestWorkflowEnvironment> {
  const environment = await TestWorkflowEnvironment.createTimeSkipping({
    server: { executable: { type: 'existing-path', path: timeSkippingProgram() } },
  });
  await environment.connection.operatorService.addSearchAttributes({
    namespace: environment.namespace ?? 'default',
    searchAttributes: Object.fromEntries(
      Object.entries(SEARCH_ATTRIBUTES).map(([name, type]) => [name, INDEXED_VALUE_TYPES[type]]),
    ),
  });
  return environment;
}

function startDevServer(): Promise<TestWorkflowEnvironment> {
  const attributes = Object.entries(SEARCH_ATTRIBUTES).flatMap(([name, type]) => [
    '--search-attribute',
    `${name}=${type}`,
  ]);
  const pollRate = ['--dynamic-config-value', 'history.transferProcessorMaxPollRPS=2000'];
  return TestWorkflowEnvironment.createLocal({
    server: {
      executable: { type: 'existing-path', path: temporalProgram() },
      ui: false,
      log: { format: 'pretty', level: 'error' },
      extraArgs: [...attributes, ...pollRate],
    },
  });
}

async function startWorkers(
  { nativeConnection, namespace }: TestWorkflowEnvironment,
  worlds: Worlds,
) {
  const { codePath } = await workflowBundle(join(tmpdir(), 'orrery-tests'));
  const zones: Record<TaskQueue, Partial<WorkerOptions>> = {
    orchestrate: { workflowBundle: { codePath } },
    control: controlOptions(worlds.deps),
    watch: watchOptions(worlds.deps),
    kernels: kernelsOptions(worlds.deps),
  };
  const workers = await Promise.all(
    Object.entries(zones).map(([taskQueue, options]) =>
      Worker.create({
        connection: nativeConnection,
        namespace: namespace ?? 'default',
        taskQueue,
        identity: 'test',
        shutdownGraceTime: 0,
        shutdownForceTime: DRAIN_MS_MAX,
        ...options,
      }),
    ),
  );
  const runs = workers.map((worker) => worker.run());
  return {
    stop: async () => {
      for (const worker of workers) worker.shutdown();
      await Promise.allSettled(runs);
    },
  };
}
