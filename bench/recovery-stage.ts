import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import type { WorkflowHandle } from '@temporalio/client';
import type { AgentClient } from '../backends/local/agent/client.ts';
import { ensureAgent } from '../backends/local/agent/launch.ts';
import { trainingId } from '../core/ids.ts';
import { TASK_QUEUES } from '../core/messages.ts';
import type { TaskQueue } from '../core/messages.ts';
import type { JobPolicy } from '../core/training/attempts.ts';
import { parseTrainRequest } from '../schemas/lifecycle.ts';
import { createBackends } from '../workers/backends.ts';
import { workflowBundle } from '../workers/bundle.ts';
import { setCurrentVersion } from '../workers/deployment.ts';
import { PROJECT_ROOT } from '../workers/home.ts';
import { localSettingsFor } from '../workers/settings.ts';
import type { WorkerSettings } from '../workers/settings.ts';
import { endProcess, startDevServer } from './dev-server.ts';

const TRAINER = fileURLToPath(new URL('./recovery-job.sh', import.meta.url));
/** Longer than the bench runs; it ends the training itself. */
const TRAINING_SECONDS = 3600;

/** A training on the local backend: host agent, server and workers are real processes. */
export interface RecoveryStage {
  readonly agent: AgentClient;
  readonly training: WorkflowHandle;
  /** Process of the worker that watches. */
  watcherPid(): number;
  /** kill -9, and a new worker at once, as whatever restarts workers would start it. */
  replaceWatcher(): Promise<void>;
}

/** How the training is watched; default: as the schema has it. */
type StagePolicy = Partial<Pick<JobPolicy, 'heartbeatTimeoutSeconds'>>;

type Closer = () => Promise<unknown>;

/** Shells report a process that SIGINT ended with 128 + 2. */
const EXIT_INTERRUPTED = 130;

/** Sets the stage, uses it, and ends and removes everything, also when the bench is interrupted. */
export async function onRecoveryStage<T>(
  use: (stage: RecoveryStage) => Promise<T>,
  policy: StagePolicy = {},
): Promise<T> {
  const closers: Closer[] = [];
  const closeAll = async () => {
    for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close();
  };
  const interrupted = () => void closeAll().finally(() => process.exit(EXIT_INTERRUPTED));
  process.once('SIGINT', interrupted);
  process.once('SIGTERM', interrupted);
  try {
    return await use(await setStage(closers, policy));
  } finally {
    process.off('SIGINT', interrupted);
    process.off('SIGTERM', interrupted);
    await closeAll();
  }
}

async function setStage(closers: Closer[], policy: StagePolicy): Promise<RecoveryStage> {
  const home = await mkdtemp(join(tmpdir(), 'orrery-recovery-'));
  closers.push(() => rm(home, { recursive: true, force: true }));
  await mkdir(join(home, 'run'));
  const settings = localSettingsFor(home);
  await writeFile(join(home, 'settings.json'), JSON.stringify(settings));
  const agent = await ensureAgent({ home });
  closers.push(() => agent.shutdown());
  const { address, stop } = await startDevServer();
  closers.push(stop);
  const connection = await Connection.connect({ address });
  closers.push(() => connection.close());
  const client = new Client({ connection });
  const { buildId } = await workflowBundle(home);
  for (const queue of ['orchestrate', 'control'] as const) {
    const worker = startWorker(queue, home, address);
    closers.push(() => endProcess(worker));
  }
  let watcher = startWorker('watch', home, address);
  closers.push(() => endProcess(watcher));
  await setCurrentVersion(client, 'default', buildId);
  const training = await startTraining(client, settings, policy);
  closers.push(() => training.terminate('the bench is over'));
  return {
    agent,
    training,
    watcherPid: () => watcher.pid ?? 0,
    async replaceWatcher() {
      const gone = once(watcher, 'exit');
      watcher.kill('SIGKILL');
      await gone;
      watcher = startWorker('watch', home, address);
    },
  };
}

function startWorker(queue: TaskQueue, home: string, address: string): ChildProcess {
  return spawn(process.execPath, [join(PROJECT_ROOT, 'workers', 'main.ts'), queue], {
    stdio: 'ignore',
    env: {
      PATH: process.env['PATH'],
      ORRERY_HOME: home,
      TEMPORAL_ADDRESS: address,
      NODE_COMPILE_CACHE: join(home, 'cache', 'node'),
    },
  });
}

async function startTraining(
  client: Client,
  settings: WorkerSettings,
  policy: StagePolicy,
): Promise<WorkflowHandle> {
  const backends = createBackends(settings);
  const { ports } = await backends.open('local');
  const data = await ports.artifacts?.put(new TextEncoder().encode('amount,label\n1,0\n'));
  await backends.close();
  const copies = ['train.csv', 'heldout.csv'].map(
    (name) => `cp "$ORRERY_INPUT_DIR/data.csv" "$ORRERY_OUTPUT_DIR/${name}"`,
  );
  const request = parseTrainRequest({
    schemaVersion: 1,
    model: 'recovery',
    version: 'v1',
    backends: { default: 'local' },
    data,
    training: {
      prepare: { command: ['/bin/sh', '-c', copies.join(' && ')], timeoutSeconds: 60 },
      train: {
        command: ['/bin/sh', TRAINER],
        params: { steps: 10 * TRAINING_SECONDS },
        timeoutSeconds: TRAINING_SECONDS,
      },
      resources: { cpus: 1, memoryMiB: 64 },
      graceSeconds: 1,
      policy: { attemptsMax: 100, ...policy },
    },
  });
  return client.workflow.start('trainModel', {
    workflowId: trainingId(request),
    taskQueue: TASK_QUEUES.orchestrate,
    args: [request],
  });
}
