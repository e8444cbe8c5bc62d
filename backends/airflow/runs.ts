import { OrreryError } from '../../core/errors.ts';
import type { AirflowClient, Query } from './client.ts';
import { checked } from './client.ts';
import { refusal } from './errors.ts';
import {
  runSchema,
  runsSchema,
  taskInstancesSchema,
  type DagRun,
  type TaskInstance,
} from './replies.ts';

/** `maximum_page_limit` of Airflow. */
const PAGE = 100;
/** A run with more mapped tasks than this is told by the first of them. */
const TASK_PAGES_MAX = 50;
const RUN_PATH = '/dags/{dag_id}/dagRuns/{dag_run_id}';
const EVERY_DAG = '~';

/** Where a run is: ids of the DAG and of the run in it. */
export interface RunPlace {
  readonly dag: string;
  readonly run: string;
}

/** `<dag>/<run>`; neither may hold a slash. */
export function remoteIdOf({ dag, run }: RunPlace): string {
  return `${dag}/${run}`;
}

/** @throws OrreryError REQUEST_INVALID for an id that is none of ours */
export function placeOf(remoteId: string): RunPlace {
  const [dag, run, ...more] = remoteId.split('/');
  if (!dag || !run || more.length > 0) {
    throw new OrreryError(
      'REQUEST_INVALID',
      `Cannot look up the run "${remoteId}": wanted <dag id>/<run id>`,
    );
  }
  return { dag, run };
}

const at = ({ dag, run }: RunPlace) => ({ dag_id: dag, dag_run_id: run });

/** The run, or null when Airflow has none of this id in this DAG. */
export async function findRun(client: AirflowClient, place: RunPlace): Promise<DagRun | null> {
  const call = {
    action: `read the run ${remoteIdOf(place)}`,
    method: 'GET',
    path: RUN_PATH,
    at: at(place),
  } as const;
  const reply = await client.send(call);
  if (reply.status === 404) return null;
  if (reply.status >= 300) throw refusal(call.action, reply);
  return checked(call, reply, runSchema);
}

/** Runs that fit the query, of one DAG or of all, up to `countMax`. */
export async function listRuns(
  client: AirflowClient,
  query: Query,
  countMax: number,
  dag = EVERY_DAG,
): Promise<readonly DagRun[]> {
  const found: DagRun[] = [];
  while (found.length < countMax) {
    const { dag_runs: page } = await client.ask(
      {
        action: 'list the runs',
        method: 'GET',
        path: '/dags/{dag_id}/dagRuns',
        at: { dag_id: dag },
        query: { ...query, limit: PAGE, offset: found.length },
      },
      runsSchema,
    );
    found.push(...page);
    if (page.length < PAGE) break;
  }
  return found.slice(0, countMax);
}

/** Every task instance of the run; none when the run is gone. */
export async function listTasks(
  client: AirflowClient,
  place: RunPlace,
): Promise<readonly TaskInstance[]> {
  const found: TaskInstance[] = [];
  for (let page = 0; page < TASK_PAGES_MAX; page += 1) {
    const call = {
      action: `read the tasks of ${remoteIdOf(place)}`,
      method: 'GET',
      path: `${RUN_PATH}/taskInstances`,
      at: at(place),
      query: { limit: PAGE, offset: found.length, order_by: 'id' },
    } as const;
    const reply = await client.send(call);
    if (reply.status === 404) return found;
    if (reply.status >= 300) throw refusal(call.action, reply);
    const { task_instances: tasks, total_entries: total } = checked(
      call,
      reply,
      taskInstancesSchema,
    );
    found.push(...tasks);
    if (tasks.length === 0 || found.length >= total) break;
  }
  return found;
}

/** Sets state and note of a run in one transaction; false when it is gone. */
export async function patchRun(
  client: AirflowClient,
  place: RunPlace,
  change: { readonly state: 'failed' | 'success'; readonly note?: string },
): Promise<boolean> {
  const action = `set the run ${remoteIdOf(place)} to ${change.state}`;
  const reply = await client.send({
    action,
    method: 'PATCH',
    path: RUN_PATH,
    at: at(place),
    body: change,
  });
  if (reply.status === 404) return false;
  if (reply.status >= 300) throw refusal(action, reply);
  return true;
}

/** Queues the failed tasks of a run again, and those after them. `dry_run` is true by default. */
export async function clearFailed(
  client: AirflowClient,
  place: RunPlace,
  note: string,
): Promise<void> {
  const action = `clear the failed tasks of ${remoteIdOf(place)}`;
  const reply = await client.send({
    action,
    method: 'POST',
    path: `${RUN_PATH}/clear`,
    at: at(place),
    body: { dry_run: false, only_failed: true, note },
  });
  if (reply.status >= 300) throw refusal(action, reply);
}
