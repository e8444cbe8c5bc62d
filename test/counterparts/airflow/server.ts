import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { freePort } from '../../../workers/ports.ts';
import { until } from '../../support/until.ts';
import { ensureInstalled, type AirflowPrograms } from './install.ts';
import { startPostgres } from './postgres.ts';
import { endGroup, startGroup, type Started } from './processes.ts';

/** Airflow imports for half a minute before it answers, on two cores that others use too. */
const READY_MS_MAX = 240_000;
/** A folder is looked at this often for new DAG files; the default of 300 s is for production. */
const QUICK: Readonly<Record<string, string>> = {
  AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL: '1',
  AIRFLOW__DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL: '1',
  AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL: '2',
  AIRFLOW__DAG_PROCESSOR__STALE_DAG_THRESHOLD: '4',
  AIRFLOW__SCHEDULER__PARSING_CLEANUP_INTERVAL: '2',
  AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME: '0.2',
};

const COMPONENTS = ['api-server', 'scheduler', 'dag-processor', 'triggerer'] as const;
export type Component = (typeof COMPONENTS)[number];

/** A running Airflow, as its state file keeps it. */
export interface AirflowState {
  readonly home: string;
  /** `http://127.0.0.1:port` */
  readonly url: string;
  readonly dagFolder: string;
  /** JSON of user name → password, mode 0600. Users: `orrery` (admin), `viewer` (may only look). */
  readonly passwordsFile: string;
  readonly bin: string;
  readonly env: Readonly<Record<string, string>>;
  processes: Started[];
}

/**
 * Starts Airflow with LocalExecutor on a PostgreSQL of its own, everything on loopback and under one
 * folder, and waits until it is healthy.
 *
 * @param options.env further settings by environment, over those of the tests
 * @param options.without components that the caller starts by itself
 * @param options.dags file name → DAG file that is there from the beginning
 */
export async function startAirflow(
  options: {
    readonly env?: Readonly<Record<string, string>>;
    readonly without?: readonly Component[];
    readonly dags?: Readonly<Record<string, string>>;
  } = {},
): Promise<AirflowState> {
  const programs = ensureInstalled();
  const home = mkdtempSync(join(tmpdir(), 'orrery-airflow-'));
  // Debian's user for PostgreSQL passes through to its data.
  chmodSync(home, 0o711);
  for (const folder of ['dags', 'logs']) mkdirSync(join(home, folder));
  for (const [name, text] of Object.entries(options.dags ?? {})) {
    writeFileSync(join(home, 'dags', name), text);
  }
  const postgres = await startPostgres(programs, home, await freePort());
  const state = configure(programs, home, await freePort(), {
    AIRFLOW__DATABASE__SQL_ALCHEMY_CONN: postgres.url,
    ...options.env,
  });
  state.processes.push(postgres.server);
  try {
    const { airflow, env } = { airflow: join(programs.bin, 'airflow'), env: state.env };
    execFileSync(airflow, ['db', 'migrate'], { env, cwd: home, stdio: 'pipe', encoding: 'utf8' });
    const without = options.without ?? [];
    for (const component of COMPONENTS) {
      if (!without.includes(component)) state.processes.push(startComponent(state, component));
    }
    await until('Airflow is healthy', () => health(state, without), READY_MS_MAX);
    return state;
  } catch (error) {
    await stopAirflow(state);
    throw error;
  }
}

function configure(
  programs: AirflowPrograms,
  home: string,
  port: number,
  env: Readonly<Record<string, string>>,
): AirflowState {
  const url = `http://127.0.0.1:${port}`;
  const passwordsFile = join(home, 'passwords.json');
  const password = () => randomBytes(18).toString('base64url');
  const passwords = { orrery: password(), viewer: password() };
  writeFileSync(passwordsFile, JSON.stringify(passwords), { mode: 0o600 });
  const path = `${programs.bin}:${process.env['PATH'] ?? ''}`;
  const settings = {
    PATH: path,
    HOME: home,
    LC_ALL: 'C.UTF-8',
    PYTHONDONTWRITEBYTECODE: '1',
    AIRFLOW_HOME: home,
    AIRFLOW__API__PORT: String(port),
    AIRFLOW__API__SECRET_KEY: randomBytes(16).toString('hex'),
    AIRFLOW__API_AUTH__JWT_SECRET: randomBytes(48).toString('base64'),
    AIRFLOW__CORE__FERNET_KEY: randomBytes(32).toString('base64url') + '=',
    AIRFLOW__CORE__EXECUTOR: 'LocalExecutor',
    AIRFLOW__CORE__PARALLELISM: '8',
    AIRFLOW__CORE__LOAD_EXAMPLES: 'False',
    AIRFLOW__CORE__DAGS_FOLDER: join(home, 'dags'),
    AIRFLOW__CORE__EXECUTION_API_SERVER_URL: `${url}/execution/`,
    AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS: 'orrery:admin,viewer:viewer',
    AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE: passwordsFile,
    AIRFLOW__LOGGING__BASE_LOG_FOLDER: join(home, 'logs', 'tasks'),
    AIRFLOW__USAGE_DATA_COLLECTION__ENABLED: 'False',
    ...QUICK,
    ...env,
  };
  const { bin } = programs;
  const dagFolder = join(home, 'dags');
  return { home, url, dagFolder, passwordsFile, bin, env: settings, processes: [] };
}

/** One of the four processes that make an Airflow. */
export function startComponent(
  { home, url, bin, env }: AirflowState,
  component: Component,
  more: Readonly<Record<string, string>> = {},
): Started {
  const words: readonly string[] =
    component === 'api-server'
      ? ['api-server', '--host', '127.0.0.1', '--port', new URL(url).port, '--workers', '1']
      : [component];
  return startGroup(component, join(bin, 'airflow'), words, {
    log: join(home, 'logs', `${component}.log`),
    env: { ...env, ...more },
    cwd: home,
  });
}

/** null until every component that is not left out tells of itself. */
export async function health(
  { url }: Pick<AirflowState, 'url'>,
  without: readonly Component[] = [],
): Promise<true | null> {
  const reply = await fetch(`${url}/api/v2/monitor/health`).catch(() => null);
  if (reply?.ok !== true) return null;
  const parts = (await reply.json()) as Record<string, { status: string | null } | null>;
  const wanted = ['metadatabase', 'scheduler', 'triggerer', 'dag_processor'].filter(
    (part) => !without.includes(part.replace('_', '-') as Component),
  );
  return wanted.every((part) => parts[part]?.status === 'healthy') ? true : null;
}

/** Ends all of it, the database last, and removes its folder. */
export async function stopAirflow({ processes, home }: AirflowState): Promise<void> {
  const [database, ...components] = processes;
  await Promise.all(components.map((component) => endGroup(component)));
  // SIGINT is PostgreSQL's quick end: it does not wait for its clients.
  if (database !== undefined) await endGroup(database, 'SIGINT');
  rmSync(home, { recursive: true, force: true, maxRetries: 5 });
}
