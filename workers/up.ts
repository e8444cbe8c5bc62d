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
import { ensureAgent } from '../backends/local/agent/launch.ts';
import type { AgentClient } from '../backends/local/agent/client.ts';
import type { ServiceSpec } from '../backends/local/agent/protocol.ts';
import { ensureKeys } from '../backends/local/keys.ts';
import { ERRORS, OrreryError } from '../core/errors.ts';
import { TASK_QUEUES } from '../core/messages.ts';
import { workflowBundle } from './bundle.ts';
import { setCurrentVersion } from './deployment.ts';
import { devServerArguments } from './dev-server.ts';
import { homePaths, orreryHome, PROJECT_ROOT } from './home.ts';
import { choosePorts } from './ports.ts';
import { localSettingsFor } from './settings.ts';

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
const DRAIN_SECONDS = 25;

export async function up(tell: (line: string) => void): Promise<UpRecord> {
  const home = orreryHome();
  const paths = homePaths(home);
  for (const folder of [paths.run, paths.logs, paths.cache]) mkdirSync(folder, { recursive: true });
  if (!existsSync(paths.settings))
    writeFileSync(paths.settings, JSON.stringify(localSettingsFor(home), null, 2));
  await ensureKeys(home, DEMO_APPROVERS);
  const agent = await ensureAgent({ home });
  tell(`host agent ${(await agent.health()).pid}`);
  const engine = await startEngine(agent, home, tell);
  const { buildId } = await workflowBundle(home);
  const env = {
    ORRERY_HOME: home,
    TEMPORAL_ADDRESS: engine.temporalAddress,
    TEMPORAL_NAMESPACE: engine.namespace,
    NODE_NO_WARNINGS: '1',
    ...passedOn(),
  };
  await Promise.all(
    Object.keys(TASK_QUEUES).map((queue) =>
      startOrReplace(
        agent,
        nodeService(`worker-${queue}`, ['workers/main.ts', queue], {
          ...env,
          ORRERY_BUILD: buildId,
        }),
      ),
    ),
  );
  const apiPort = String(engine.apiPort);
  await startOrReplace(
    agent,
    nodeService('api', ['service/main.ts'], { ...env, ORRERY_API_PORT: apiPort }),
  );
  const record = upRecord(engine, buildId);
  writeFileSync(paths.up, JSON.stringify(record, null, 2));
  await promote(record);
  tell(`workers ${Object.keys(TASK_QUEUES).join(', ')} (build ${buildId})`);
  await answering('127.0.0.1', engine.apiPort, 'the service');
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
  await answering('127.0.0.1', ports.temporal, 'the Temporal server');
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

/** Variables that a service needs from whoever calls `up`, when they are set. */
function passedOn(): Record<string, string> {
  const names = [
    'ORRERY_SETTINGS',
    'OTEL_EXPORTER_OTLP_ENDPOINT',
    'TEMPORAL_API_KEY',
    'TEMPORAL_PROFILE',
  ];
  return Object.fromEntries(
    names.flatMap((name) =>
      process.env[name] === undefined ? [] : [[name, process.env[name] as string]],
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

/** A service that runs from another spec is drained and started anew. */
async function startOrReplace(agent: AgentClient, spec: ServiceSpec): Promise<void> {
  try {
    await agent.startService(spec);
  } catch (error) {
    if (!(error instanceof OrreryError) || error.code !== 'NAME_TAKEN') throw error;
    await agent.stopService(spec.name);
    await agent.startService(spec);
  }
}

async function promote({ temporalAddress, namespace, buildId }: UpRecord): Promise<void> {
  const connection = await Connection.connect({ address: temporalAddress });
  try {
    await setCurrentVersion(new Client({ connection, namespace }), namespace, buildId);
  } finally {
    await connection.close();
  }
}

async function answering(host: string, port: number, what: string): Promise<void> {
  const until = Date.now() + READY_MS_MAX;
  while (!(await connects(host, port))) {
    if (Date.now() > until) {
      throw new OrreryError(
        'ENGINE_UNREACHABLE',
        `Cannot reach ${what} at ${host}:${port} within ${READY_MS_MAX / 1000} s`,
      );
    }
    await sleep(50);
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
  up((line) => process.stdout.write(`${line}\n`)).catch((error: unknown) => {
    const known =
      error instanceof OrreryError
        ? error
        : new OrreryError('INTERNAL', String(error), { cause: error });
    process.stderr.write(
      `error ${known.code}: ${known.message}\nnext: ${ERRORS[known.code].action}\n`,
    );
    process.exitCode = 1;
  });
}
