import type { AirflowClient } from './client.ts';
import { checked } from './client.ts';
import { endOf, refusal } from './errors.ts';
import { dagSchema, importErrorsSchema, type Dag } from './replies.ts';

/** Import errors that are looked through; an Airflow with more has other troubles. */
const IMPORT_ERRORS_MAX = 100;

/** The DAG, or null when Airflow has none of this id. */
export async function findDag(client: AirflowClient, dagId: string): Promise<Dag | null> {
  const call = {
    action: `look up the DAG "${dagId}"`,
    method: 'GET',
    path: '/dags/{dag_id}',
    at: { dag_id: dagId },
  } as const;
  const reply = await client.send(call);
  if (reply.status === 404) return null;
  if (reply.status >= 300) throw refusal(call.action, reply);
  return checked(call, reply, dagSchema);
}

/** A DAG file that the DAG processor could not import. */
export interface ImportError {
  /** Grows with each failed parse of the file. */
  readonly stamp: string;
  readonly filename: string;
  /** The end of Python's traceback. */
  readonly told: string;
}

/** Import errors of files whose path ends so. */
export async function importErrors(
  client: AirflowClient,
  fileEnd: string,
): Promise<readonly ImportError[]> {
  const { import_errors: errors } = await client.ask(
    {
      action: 'list the import errors',
      method: 'GET',
      path: '/importErrors',
      query: { limit: IMPORT_ERRORS_MAX, order_by: '-timestamp' },
    },
    importErrorsSchema,
  );
  return errors
    .filter(({ filename }) => filename.endsWith(fileEnd))
    .map(({ import_error_id: id, timestamp, filename, stack_trace: trace }) => ({
      stamp: `${id} ${timestamp}`,
      filename,
      told: endOf(trace),
    }));
}

/** Lets a DAG run what is started, or not. */
export async function setPaused(
  client: AirflowClient,
  dagId: string,
  paused: boolean,
): Promise<void> {
  const action = `${paused ? 'pause' : 'unpause'} the DAG "${dagId}"`;
  await client.ask(
    {
      action,
      method: 'PATCH',
      path: '/dags/{dag_id}',
      at: { dag_id: dagId },
      body: { is_paused: paused },
    },
    dagSchema.pick({ dag_id: true, is_paused: true }),
  );
}
