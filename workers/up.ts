/**
 * `make up`: the host agent, the Temporal development server, one worker a trust zone and the
 * service, each a process of its own, all owned by the host agent. Starting what runs already
 * changes nothing; a worker of other sources is replaced after it has drained.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { ensureAgent } from '../backends/local/agent/launch.ts';
import type { AgentClient } from '../backends/local/agent/client.ts';
import { socketPath } from '../backends/local/agent/protocol.ts';
import type { ServiceSpec } from '../backends/local/agent/protocol.ts';
import { ensureKeys } from '../backends/local/keys.ts';
import { OrreryError } from '../core/errors.ts';
import { TASK_QUEUES } from '../core/messages.ts';
import { workflowBundle } from './bundle.ts';
import { setCurrentVersion } from './deployment.ts';
import { devServerArguments } from './dev-server.ts';
import { homePaths, orreryHome, PROJECT_ROOT } from './home.ts';
import { olderWorkerName, serveOlderBuilds } from './older-builds.ts';
import { choosePorts } from './ports.ts';
import { startOrReplace } from './replace-service.ts';
import { reportError } from './report.ts';
import { throwIfEnded } from './service-death.ts';
import { localSettingsFor, readSettings } from './settings.ts';

/** What clients read from `<home>/run/up.json`. */
export interface UpRecord {
  readonly temporalAddress: string;
  readonly namespace: string;
  readonly temporalUiUrl: string | null;
  readonly apiUrl: string;
  readonly buildId: string;
}

/** Who may approve on one machine; the demo approves by the second. */
export const DEMO_APPROVERS = ['ada', 'grace'] as const;

const READY_MS_MAX = 30_000;
const LOOK_MS = 50;
const DRAIN_SECONDS = 25;

/**
 * Brings everything up, or finds it running.
 *
 * @throws OrreryError SETTINGS_INVALID, PORT_IN_USE, TOOL_MISSING, ENGINE_UNREACHABLE; then nothing
 * runs that did not run before
 */
export async function up(tell: (line: string) => void): Promise<UpRecord> {
  const home = orreryHome();
  await prepareHome(home);
  const agent = await ensureAgent({ home });
  const { services } = await agent.list();
  const wasUp = services.some(({ phase }) => phase === 'running');
  try {
    return await bringUp(agent, home, tell);
  } catch (error) {
    if (!wasUp) await agent.shutdown();
    throw error;
  }
}

/** Folders, settings and keys; a home that has them is left as it is. */
async function prepareHome(home: string): Promise<void> {
  socketPath(home);
  const paths = homePaths(home);
  for (const folder of [paths.run, paths.logs, paths.cache]) mkdirSync(folder, { recursive: true });
  if (!existsSync(paths.settings)) {
    writeFileSync(paths.settings, JSON.stringify(localSettingsFor(home), null, 2));
  }
  readSettings(home);
  await ensureKeys(home, DEMO_APPROVERS);
}

async function bringUp(
  agent: AgentClient,
  home: string,
  tell: (line: string) => void,
): Promise<UpRecord> {
  tell(`host agent ${(await agent.health()).pid}`);
  const engine = await startEngine(agent, home, tell);
  const bundle = await workflowBundle(home);
  const buildId = process.env['TEMPORAL_WORKER_BUILD_ID'] ?? bundle.buildId;
  const env = {
    ...passedOn(),
    ORRERY_HOME: home,
    TEMPORAL_ADDRESS: engine.temporalAddress,
    TEMPORAL_NAMESPACE: engine.namespace,
    NODE_NO_WARNINGS: '1',
  };
  const workersOf = (build: string, named: (queue: string) => string, more = {}) =>
    Object.keys(TASK_QUEUES).map((queue) =>
      nodeService(named(queue), ['workers/main.ts', queue], {
        ...env,
        ...more,
        TEMPORAL_WORKER_BUILD_ID: build,
      }),
    );
  const workers = workersOf(buildId, (queue) => `worker-${queue}`);
  const api = nodeService('api', ['service/main.ts'], {
    ...env,
    ORRERY_API_PORT: `${engine.apiPort}`,
  });
  const names = [...workers, api].map(({ name }) => name);
  await Promise.all([...workers, api].map((spec) => startOrReplace(agent, spec)));
  const record = upRecord(engine, buildId);
  await withClient(record, async (client) => {
    const stillPossible = () => throwIfEnded(agent, names);
    await setCurrentVersion(client, record.namespace, buildId, stillPossible);
    tell(`workers ${Object.keys(TASK_QUEUES).join(', ')} (build ${buildId})`);
    await serveOlderBuilds(
      agent,
      client,
      {
        home,
        namespace: record.namespace,
        current: buildId,
        workersOf: (older, codePath) =>
          workersOf(older, (queue) => olderWorkerName(queue, older), { ORRERY_BUNDLE: codePath }),
      },
      tell,
    );
  });
  await answering('127.0.0.1', engine.apiPort, 'the service', () => throwIfEnded(agent, names));
  writeFileSync(homePaths(home).up, JSON.stringify(record, null, 2));
  tell(`service ${record.apiUrl}`);
  return record;
}

interface Engine {
  readonly temporalAddress: string;
  readonly namespace: string;
  readonly temporalUiUrl: string | null;
  readonly apiPort: number;
}

/** A server that the environment names is used as it is; otherwise the development server starts. */
async function startEngine(
  agent: AgentClient,
  home: string,
  tell: (line: string) => void,
): Promise<Engine> {
  const paths = homePaths(home);
  const running = (await agent.readService('temporal')).phase === 'running';
  const ports = await choosePorts(join(paths.run, 'ports.json'), running);
  const namespace = process.env['TEMPORAL_NAMESPACE'] ?? 'default';
  const named = process.env['TEMPORAL_ADDRESS'];
  if (named !== undefined) {
    tell(`Temporal ${named} (named by TEMPORAL_ADDRESS)`);
    return { temporalAddress: named, namespace, temporalUiUrl: null, apiPort: ports.api };
  }
  const temporal = join(paths.venv, 'bin', 'temporal');
  const { database } = paths;
  await agent.startService({
    name: 'temporal',
    command: [
      temporal,
      ...devServerArguments({ database, port: ports.temporal, uiPort: ports.temporalUi }),
    ],
    env: {},
    graceSeconds: 10,
  });
  await answering('127.0.0.1', ports.temporal, 'the Temporal server', () =>
    throwIfEnded(agent, ['temporal']),
  );
  const temporalUiUrl = `http://127.0.0.1:${ports.temporalUi}`;
  tell(`Temporal 127.0.0.1:${ports.temporal}, UI ${temporalUiUrl}`);
  return {
    temporalAddress: `127.0.0.1:${ports.temporal}`,
    namespace,
    temporalUiUrl,
    apiPort: ports.api,
  };
}

function upRecord(engine: Engine, buildId: string): UpRecord {
  const { temporalAddress, namespace, temporalUiUrl, apiPort } = engine;
  return {
    temporalAddress,
    namespace,
    temporalUiUrl,
    apiUrl: `http://127.0.0.1:${apiPort}`,
    buildId,
  };
}

/** What whoever calls `up` has set for Temporal's clients, for us and for the exporter of traces. */
function passedOn(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      (entry): entry is [string, string] =>
        entry[1] !== undefined && /^(TEMPORAL_|OTEL_|ORRERY_SETTINGS$|ORRERY_OIDC_)/.test(entry[0]),
    ),
  );
}

function nodeService(
  name: string,
  [script = '', ...rest]: readonly string[],
  env: Record<string, string>,
): ServiceSpec {
  return {
    name,
    command: [process.execPath, join(PROJECT_ROOT, script), ...rest],
    env,
    cwd: PROJECT_ROOT,
    graceSeconds: DRAIN_SECONDS,
  };
}

async function withClient(
  { temporalAddress, namespace }: UpRecord,
  act: (client: Client) => Promise<void>,
): Promise<void> {
  const { connectionOptions } = loadClientConnectConfig();
  const connection = await Connection.connect({ ...connectionOptions, address: temporalAddress });
  try {
    await act(new Client({ connection, namespace }));
  } finally {
    await connection.close();
  }
}

async function answering(
  host: string,
  port: number,
  what: string,
  stillPossible: () => Promise<void>,
): Promise<void> {
  const until = Date.now() + READY_MS_MAX;
  while (!(await connects(host, port))) {
    await stillPossible();
    if (Date.now() > until) {
      throw new OrreryError(
        'ENGINE_UNREACHABLE',
        `Cannot reach ${what} at ${host}:${port} within ${READY_MS_MAX / 1000} s`,
      );
    }
    await sleep(LOOK_MS);
  }
}

function connects(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port });
    socket.once('connect', () => socket.end(() => resolve(true)));
    socket.once('error', () => resolve(false));
  });
}

if (import.meta.main) {
  up((line) => process.stdout.write(`${line}\n`)).catch(reportError);
}
