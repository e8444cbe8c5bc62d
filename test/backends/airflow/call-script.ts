/**
 * One script of calls for the real Airflow and for its double: what each step answers, without what
 * only one of them can know (times, ids of its own, wording).
 */
import type { AirflowClient, Call } from '../../../backends/airflow/client.ts';
import type { Reply } from '../../../backends/airflow/errors.ts';
import { isObject } from '../../../backends/airflow/errors.ts';
import { until } from '../../support/until.ts';

const STEP_MS_MAX = 60_000;

/** DAGs of which both must have one each. */
export interface ScriptDags {
  /** `first` and `second` pass. */
  readonly passes: string;
  /** `first` passes, `second` fails, `third` waits for it. */
  readonly fails: string;
  /** `first` never ends, `second` waits for it. */
  readonly runsLong: string;
}

/** What a step answered: a name, the status, and what of the body is the same on both. */
export type Told = readonly [step: string, status: number, body: unknown];

export async function runScript(
  client: AirflowClient,
  dags: ScriptDags,
  prefix: string,
): Promise<readonly Told[]> {
  const told: Told[] = [];
  const say = async (step: string, call: Omit<Call, 'action'>): Promise<Reply> => {
    const reply = await client.send({ action: step, ...call });
    told.push([step, reply.status, essence(reply.body)]);
    return reply;
  };
  const runs = (dag: string) => ({ path: '/dags/{dag_id}/dagRuns', at: { dag_id: dag } });
  const run = (dag: string, name: string) => ({
    path: '/dags/{dag_id}/dagRuns/{dag_run_id}',
    at: { dag_id: dag, dag_run_id: `${prefix}${name}` },
  });
  const trigger = (dag: string, name: string, more: object = {}) => ({
    ...runs(dag),
    method: 'POST' as const,
    body: { dag_run_id: `${prefix}${name}`, logical_date: null, conf: { of: prefix }, ...more },
  });
  const tasksOf = (dag: string, name: string) => ({
    ...run(dag, name),
    path: '/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances',
    query: { order_by: 'id' },
  });
  const wait = (dag: string, name: string, wanted: (state: string, tasks: string) => boolean) =>
    until(
      `${dag} ${name}`,
      async () => {
        const { body } = await client.send({ action: 'look', method: 'GET', ...run(dag, name) });
        const { body: list } = await client.send({
          action: 'look',
          method: 'GET',
          ...tasksOf(dag, name),
        });
        const { state } = body as { state: string };
        return wanted(state, JSON.stringify(essence(list))) ? true : null;
      },
      STEP_MS_MAX,
    );
  const { passes, fails, runsLong } = dags;

  await say('the DAG', { method: 'GET', path: '/dags/{dag_id}', at: { dag_id: passes } });
  await say('no DAG', { method: 'GET', path: '/dags/{dag_id}', at: { dag_id: 'no-such-dag' } });
  await say('trigger', trigger(runsLong, 'long'));
  await say('trigger again', trigger(runsLong, 'long'));
  await say('trigger no DAG', trigger('no-such-dag', 'x'));
  await say('trigger a bad id', trigger(runsLong, '/x'));
  await say('trigger with a stranger member', trigger(runsLong, 'x', { colour: 'red' }));
  await say('trigger without a logical date', {
    ...trigger(runsLong, 'x'),
    body: { dag_run_id: `${prefix}x` },
  });
  await say('read no run', { method: 'GET', ...run(runsLong, 'nobody') });
  await say('tasks of no run', { method: 'GET', ...tasksOf(runsLong, 'nobody') });
  await say('patch no run', {
    method: 'PATCH',
    ...run(runsLong, 'nobody'),
    body: { state: 'failed' },
  });
  await wait(runsLong, 'long', (_, tasks) => tasks.includes('"first","running",1'));
  await say('a running run', { method: 'GET', ...run(runsLong, 'long') });
  await say('its tasks', { method: 'GET', ...tasksOf(runsLong, 'long') });
  await say('delete a running run', { method: 'DELETE', ...run(runsLong, 'long') });
  const end = { state: 'failed', note: 'ended' };
  await say('end it', { method: 'PATCH', ...run(runsLong, 'long'), body: end });
  await say('end it again', { method: 'PATCH', ...run(runsLong, 'long'), body: end });
  await say('tasks of an ended run', { method: 'GET', ...tasksOf(runsLong, 'long') });
  await say('a state that none has', {
    method: 'PATCH',
    ...run(runsLong, 'long'),
    body: { state: 'cancelled' },
  });

  await say('trigger what passes', trigger(passes, 'pass'));
  await wait(passes, 'pass', (state) => state === 'success');
  await say('what has passed', { method: 'GET', ...run(passes, 'pass') });
  await say('end what has passed', { method: 'PATCH', ...run(passes, 'pass'), body: end });
  await say('its tasks stay', { method: 'GET', ...tasksOf(passes, 'pass') });
  await say('put it right', {
    method: 'PATCH',
    ...run(passes, 'pass'),
    body: { state: 'success', note: '' },
  });

  await say('trigger what fails', trigger(fails, 'fail'));
  await wait(fails, 'fail', (state) => state === 'failed');
  await say('tasks of what has failed', { method: 'GET', ...tasksOf(fails, 'fail') });
  const clear = { ...run(fails, 'fail'), path: '/dags/{dag_id}/dagRuns/{dag_run_id}/clear' };
  await say('clear is a dry run by default', {
    method: 'POST',
    ...clear,
    body: { only_failed: true },
  });
  await say('nothing was cleared', { method: 'GET', ...run(fails, 'fail') });
  await say('clear for real', {
    method: 'POST',
    ...clear,
    body: { only_failed: true, dry_run: false, note: '' },
  });
  await wait(
    fails,
    'fail',
    (state, tasks) => state === 'failed' && tasks.includes('"second","failed",2'),
  );
  await say('tasks after the second try', { method: 'GET', ...tasksOf(fails, 'fail') });
  await say('list by conf and state', {
    ...runs('~'),
    method: 'GET',
    query: { conf_contains: prefix, state: ['failed'], order_by: 'id', limit: 100 },
  });
  await say('delete an ended run', { method: 'DELETE', ...run(fails, 'fail') });
  await say('it is gone', { method: 'GET', ...run(fails, 'fail') });
  return told;
}

/** What of a body both must say alike: the state of runs, and of tasks in their order. */
function essence(body: unknown): unknown {
  if (!isObject(body)) return null;
  if (Array.isArray(body['dag_runs'])) return body['dag_runs'].map(essence);
  if (Array.isArray(body['task_instances'])) {
    return (body['task_instances'] as readonly Record<string, unknown>[])
      .map((task) => [task['task_id'], task['state'], task['try_number']])
      .toSorted((a, b) => String(a[0]).localeCompare(String(b[0])));
  }
  if (typeof body['state'] !== 'string') return null;
  const dated = (name: string) => body[name] !== null;
  const { state, note, conf, logical_date: logical } = body;
  return { state, note, conf, logical, ended: dated('end_date'), started: dated('start_date') };
}
