/**
 * `node workers/main.ts <queue> [<queue> …]`: one worker a trust zone; several queues in one process
 * share its fate, which is for small installations and tests. SIGTERM drains: no new tasks, running
 * activities get the grace, watchers leave their jobs alone.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { Runtime, Worker } from '@temporalio/worker';
import type { WorkerOptions } from '@temporalio/worker';
import type { Deps } from '../activities/deps.ts';
import { OrreryError } from '../core/errors.ts';
import { DEPLOYMENT_NAME, TASK_QUEUES } from '../core/messages.ts';
import type { TaskQueue } from '../core/messages.ts';
import { createBackends } from './backends.ts';
import { workflowBundle } from './bundle.ts';
import { connectEngine } from './connection.ts';
import { controlOptions } from './control.ts';
import { homePaths, orreryHome, workerHealthFile } from './home.ts';
import { createKernelPool } from './kernel-pool.ts';
import { kernelsOptions } from './kernels.ts';
import { orchestrateOptions } from './orchestrate.ts';
import { reportError } from './report.ts';
import { readSettings } from './settings.ts';
import { systemClock } from './system-clock.ts';
import { telemetryOptions } from './telemetry.ts';
import { watchOptions } from './watch.ts';

/** Time that running activities get on SIGTERM; compose and Helm allow a little more. */
const DRAIN = '20s';
const HEALTH_EVERY_MS = 5000;

async function main(queues: readonly string[]): Promise<void> {
  const zones = queues.map(zoneOf);
  const home = orreryHome();
  // SIGTERM and SIGINT drain every worker of this process.
  Runtime.install({ shutdownSignals: ['SIGTERM', 'SIGINT'] });
  const { connection, namespace } = await connectEngine();
  const backends = createBackends(readSettings(home));
  const kernels = createKernelPool();
  const deps: Deps = { backends, kernels, clock: systemClock };
  if (zones.some((zone) => zone !== 'orchestrate')) await backends.load();
  const versioning = await versioningOptions(home);
  const workers = await Promise.all(
    zones.map(async (queue) =>
      Worker.create({
        connection,
        namespace,
        taskQueue: queue,
        shutdownGraceTime: DRAIN,
        ...versioning,
        ...(await zoneOptions(queue, home, deps)),
        ...telemetryOptions(queue),
      }),
    ),
  );
  const health = tellHealth(home, zones);
  try {
    await Promise.all(workers.map((worker) => worker.run()));
  } finally {
    health.stop();
    await kernels.close();
    await backends.close();
    await connection.close();
  }
}

function zoneOf(name: string): TaskQueue {
  if (Object.hasOwn(TASK_QUEUES, name)) return name as TaskQueue;
  const known = Object.keys(TASK_QUEUES).join(', ');
  throw new OrreryError(
    'SETTINGS_INVALID',
    `Cannot work on queue "${name}": the queues are ${known}`,
  );
}

async function zoneOptions(
  queue: TaskQueue,
  home: string,
  deps: Deps,
): Promise<Partial<WorkerOptions>> {
  switch (queue) {
    case 'orchestrate':
      return orchestrateOptions(home);
    case 'control':
      return controlOptions(deps);
    case 'watch':
      return watchOptions(deps);
    case 'kernels':
      return kernelsOptions(deps);
  }
}

/**
 * Every worker registers under the deployment; runs are pinned to the version they began on. The
 * names of the variables are those that Temporal's Worker Controller injects.
 */
async function versioningOptions(
  home: string,
): Promise<Pick<WorkerOptions, 'workerDeploymentOptions'>> {
  const deploymentName = process.env['TEMPORAL_DEPLOYMENT_NAME'] ?? DEPLOYMENT_NAME;
  const buildId = process.env['TEMPORAL_WORKER_BUILD_ID'] ?? (await workflowBundle(home)).buildId;
  return {
    workerDeploymentOptions: {
      useWorkerVersioning: true,
      version: { deploymentName, buildId },
      defaultVersioningBehavior: 'PINNED',
    },
  };
}

/** A file that is fresh while the event loop runs: what `workers/health.ts` looks at. */
function tellHealth(home: string, queues: readonly TaskQueue[]): { stop(): void } {
  mkdirSync(homePaths(home).run, { recursive: true });
  const tell = () => {
    for (const queue of queues) {
      writeFileSync(
        workerHealthFile(home, queue),
        JSON.stringify({ pid: process.pid, at: new Date().toISOString() }),
      );
    }
  };
  tell();
  const timer = setInterval(tell, HEALTH_EVERY_MS);
  return {
    stop: () => {
      clearInterval(timer);
      for (const queue of queues) rmSync(workerHealthFile(home, queue), { force: true });
    },
  };
}

main(process.argv.slice(2)).catch(reportError);
