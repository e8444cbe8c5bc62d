import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import type { BackendFinding } from '../../core/backend.ts';
import { ERRORS, OrreryError } from '../../core/errors.ts';
import type { AirflowClient } from './client.ts';
import { healthSchema, poolsSchema, versionSchema } from './replies.ts';
import type { AirflowSettings } from './settings.ts';

const MAJOR_MIN = 3;

/** What keeps this Airflow from working for us; changes nothing there. */
export async function checkAirflow(
  settings: AirflowSettings,
  client: AirflowClient,
): Promise<readonly BackendFinding[]> {
  return [
    await finding('endpoint', () => tellVersion(client)),
    ...(await tellHealth(client)),
    await finding('credentials', async () => {
      const query = { limit: 1 };
      const call = { action: 'list the pools', method: 'GET', path: '/pools', query } as const;
      await client.ask(call, poolsSchema);
      return 'the login works and may read';
    }),
    await finding('dagFolder', () => tellFolder(settings.dagFolder)),
  ];
}

async function finding(subject: string, ask: () => Promise<string>): Promise<BackendFinding> {
  try {
    return { subject, state: 'ok', told: await ask(), action: '' };
  } catch (error) {
    if (!(error instanceof OrreryError)) throw error;
    const { action } = ERRORS[error.code];
    const state = error.code === 'BACKEND_UNAVAILABLE' ? 'unknown' : 'missing';
    return { subject, state, told: error.message, action };
  }
}

async function tellVersion(client: AirflowClient): Promise<string> {
  const call = { action: 'ask for the version', method: 'GET', path: '/version' } as const;
  const { version } = await client.ask({ ...call, open: true }, versionSchema);
  if (Number.parseInt(version, 10) >= MAJOR_MIN) return `Airflow ${version}`;
  throw new OrreryError(
    'VERSION_UNSUPPORTED',
    `Cannot work with Airflow ${version}: wanted ${MAJOR_MIN}.0 or newer, with the API v2`,
  );
}

/** Airflow itself judges whether a heartbeat is fresh (30 s by default). */
async function tellHealth(client: AirflowClient): Promise<readonly BackendFinding[]> {
  const call = { action: 'ask for the health', method: 'GET', path: '/monitor/health' } as const;
  const health = await client.ask({ ...call, open: true }, healthSchema).catch(() => null);
  const parts = {
    metadatabase: { status: health?.metadatabase.status, seen: null },
    scheduler: {
      status: health?.scheduler.status,
      seen: health?.scheduler.latest_scheduler_heartbeat,
    },
    'dag processor': {
      status: health?.dag_processor?.status,
      seen: health?.dag_processor?.latest_dag_processor_heartbeat,
    },
  };
  return Object.entries(parts).map(([subject, { status, seen }]): BackendFinding => {
    const heard = seen ? `, last heard of at ${seen}` : '';
    if (status === 'healthy') return { subject, state: 'ok', told: `healthy${heard}`, action: '' };
    return {
      subject,
      state: health === null ? 'unknown' : 'missing',
      told: health === null ? 'no answer' : `${status ?? 'not running'}${heard}`,
      action: `Start the ${subject} of this Airflow, or read its log`,
    };
  });
}

async function tellFolder(folder: string | null): Promise<string> {
  if (folder === null) return 'none in the settings: no DAG can be defined';
  try {
    await access(folder, constants.R_OK | constants.W_OK);
    return `${folder} can be written`;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new OrreryError('SETTINGS_INVALID', `Cannot write to ${folder}: ${code}`, { cause });
  }
}
