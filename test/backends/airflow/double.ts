/**
 * What an Airflow does with runs of its DAGs, in memory, one step of its scheduler a call: for
 * crashes by the ten thousand, which the real one is too slow for.
 *
 * It differs from the real one in time (a step is a call, not a second), in that no scheduler races
 * with a call, and in that it knows only the calls below. `test/counterparts/airflow/fidelity.test.ts`
 * runs one script of calls on both and compares the replies.
 */
import type { Call } from '../../../backends/airflow/client.ts';
import type { Reply } from '../../../backends/airflow/errors.ts';
import type { DagRun, TaskInstance } from '../../../backends/airflow/replies.ts';

/** How a task of a DAG goes. */
export type TaskPlan = 'passes' | 'fails' | 'never ends';
const RUN_ID = /^[A-Za-z0-9_.~:+-]+$/;
const BODY = ['dag_run_id', 'logical_date', 'conf', 'note', 'run_after'];

interface Run extends Omit<DagRun, 'state'> {
  state: DagRun['state'];
  readonly plan: Readonly<Record<string, TaskPlan>>;
  readonly tasks: TaskInstance[];
}

const reply = (status: number, body: unknown): Reply => ({ status, body });
const detail = (status: number, text: unknown): Reply => reply(status, { detail: text });

export class AirflowDouble {
  /** Every run that was ever made, by `<dag>/<run>`, in the order of making. */
  readonly made: string[] = [];
  readonly #dags: Readonly<Record<string, Readonly<Record<string, TaskPlan>>>>;
  readonly #runs = new Map<string, Run>();
  #now = Date.UTC(2026, 0, 1);

  /** @param dags DAG id → its tasks, one after the other */
  constructor(dags: Readonly<Record<string, Readonly<Record<string, TaskPlan>>>>) {
    this.#dags = dags;
  }

  /** Answers a call, after one step of the scheduler. */
  send({ method, path, at = {}, body, query = {} }: Call): Reply {
    this.step();
    const dag = String(at['dag_id']);
    const id = `${dag}/${String(at['dag_run_id'])}`;
    switch (`${method} ${path.replaceAll(/\{\w+\}/g, '*')}`) {
      case 'GET /dags/*':
        return this.#dag(dag);
      case 'GET /dags/*/dagRuns':
        return this.#list(query);
      case 'POST /dags/*/dagRuns':
        return this.#trigger(dag, body as Record<string, unknown>);
      case 'GET /dags/*/dagRuns/*':
        return this.#with(id, (run) => reply(200, shown(run)));
      case 'PATCH /dags/*/dagRuns/*':
        return this.#with(id, (run) => this.#patch(run, body as { state: string; note?: string }));
      case 'DELETE /dags/*/dagRuns/*':
        return this.#with(id, (run) => this.#delete(id, run));
      case 'POST /dags/*/dagRuns/*/clear':
        return this.#with(id, (run) => this.#clear(run, body as { dry_run?: boolean }));
      case 'GET /dags/*/dagRuns/*/taskInstances':
        return this.#with(id, (run) =>
          reply(200, {
            task_instances: structuredClone(run.tasks),
            total_entries: run.tasks.length,
          }),
        );
      case 'GET /assets/events':
      case 'GET /dags/*/dagRuns/*/upstreamAssetEvents':
        return reply(200, { asset_events: [], total_entries: 0 });
      case 'GET /ui/dags/*/deadlineAlerts':
        return reply(200, { deadline_alerts: [], total_entries: 0 });
      default:
        throw new Error(`The double of Airflow knows no ${method} ${path}`);
    }
  }

  /** Runs that are not over. */
  live(): readonly string[] {
    return [...this.#runs].filter(([, { state }]) => !isOver(state)).map(([id]) => id);
  }

  /** The run as a witness sees it. */
  look(id: string): { readonly run: DagRun; readonly tasks: readonly TaskInstance[] } | null {
    const run = this.#runs.get(id);
    return run === undefined ? null : { run: shown(run), tasks: structuredClone(run.tasks) };
  }

  /** One step of every run: it begins, a task begins or ends, it ends. */
  step(): void {
    this.#now += 1000;
    for (const run of this.#runs.values()) this.#stepRun(run);
  }

  get #time(): string {
    return new Date(this.#now).toISOString();
  }

  #stepRun(run: Run): void {
    if (isOver(run.state)) return;
    if (run.state === 'queued') {
      Object.assign(run, { state: 'running', start_date: this.#time });
      return;
    }
    const open = run.tasks.find(({ state }) => state === null || state === 'running');
    if (open === undefined) {
      const failed = run.tasks.some(({ state }) => state === 'failed');
      Object.assign(run, { state: failed ? 'failed' : 'success', end_date: this.#time });
    } else if (open.state === null) {
      const begun = { state: 'running', try_number: open.try_number + 1, start_date: this.#time };
      Object.assign(open, { ...begun, end_date: null });
    } else {
      this.#endTask(run, open);
    }
  }

  #endTask(run: Run, task: TaskInstance): void {
    const plan = run.plan[task.task_id];
    if (plan === 'never ends') return;
    Object.assign(task, { state: plan === 'passes' ? 'success' : 'failed', end_date: this.#time });
    if (plan === 'passes') return;
    const after = run.tasks.slice(run.tasks.indexOf(task) + 1);
    for (const later of after) Object.assign(later, { state: 'upstream_failed' });
  }

  #dag(dag: string): Reply {
    if (!Object.hasOwn(this.#dags, dag)) {
      return detail(404, `The Dag with ID: \`${dag}\` was not found`);
    }
    return reply(200, {
      dag_id: dag,
      is_paused: false,
      is_stale: false,
      has_import_errors: false,
      fileloc: `/dags/orrery_${dag}.py`,
      relative_fileloc: `orrery_${dag}.py`,
      file_token: dag,
    });
  }

  #trigger(dag: string, body: Record<string, unknown>): Reply {
    const strange = Object.keys(body).filter((name) => !BODY.includes(name));
    if (!('logical_date' in body) || strange.length > 0) {
      return detail(422, [{ loc: ['body'], msg: 'does not fit' }]);
    }
    const plan = this.#dags[dag];
    if (plan === undefined) return detail(404, `Dag with dag_id: '${dag}' not found`);
    const runId = String(body['dag_run_id']);
    if (!RUN_ID.test(runId)) {
      return detail(400, `The run_id provided '${runId}' does not match regex pattern`);
    }
    const id = `${dag}/${runId}`;
    if (this.#runs.has(id)) return detail(409, { reason: 'Unique constraint violation' });
    const run: Run = {
      dag_id: dag,
      dag_run_id: runId,
      state: 'queued',
      queued_at: this.#time,
      start_date: null,
      end_date: null,
      logical_date: null,
      run_after: this.#time,
      conf: (body['conf'] as Record<string, unknown> | undefined) ?? {},
      note: null,
      plan,
      tasks: Object.keys(plan).map((name) => ({
        task_id: name,
        map_index: -1,
        state: null,
        try_number: 0,
        start_date: null,
        end_date: null,
      })),
    };
    this.#runs.set(id, run);
    this.made.push(id);
    return reply(200, shown(run));
  }

  #patch(run: Run, { state, note }: { state: string; note?: string }): Reply {
    if (note !== undefined) Object.assign(run, { note: note === '' ? null : note });
    if (state !== 'failed' && state !== 'success') return detail(422, [{ loc: ['body', 'state'] }]);
    for (const task of run.tasks) {
      if (task.state === 'running') Object.assign(task, { state, end_date: this.#time });
      if (task.state === null) Object.assign(task, { state: 'skipped' });
    }
    // The end of a run that is over already stays.
    Object.assign(run, { state, end_date: isOver(run.state) ? run.end_date : this.#time });
    return reply(200, shown(run));
  }

  #clear(run: Run, body: { dry_run?: boolean; only_failed?: boolean; note?: string }): Reply {
    const cleared = run.tasks.filter(
      ({ state }) => !body.only_failed || state === 'failed' || state === 'upstream_failed',
    );
    if (body.dry_run !== false) {
      return reply(200, {
        task_instances: structuredClone(cleared),
        total_entries: cleared.length,
      });
    }
    for (const task of cleared) Object.assign(task, { state: null });
    const again = { state: 'queued', queued_at: this.#time, start_date: null, end_date: null };
    if (cleared.length > 0) Object.assign(run, again);
    if (body.note !== undefined) Object.assign(run, { note: body.note === '' ? null : body.note });
    return reply(200, shown(run));
  }

  #delete(id: string, { state }: Run): Reply {
    if (state === 'running') return detail(409, `The DagRun cannot be deleted in ${state} state`);
    this.#runs.delete(id);
    return reply(204, null);
  }

  #list(query: NonNullable<Call['query']>): Reply {
    const states = query['state'] as readonly string[] | undefined;
    const text = String(query['conf_contains'] ?? '');
    const runs = [...this.#runs.values()].filter(
      ({ state, conf }) =>
        (states === undefined || states.includes(state)) && JSON.stringify(conf).includes(text),
    );
    const page = runs.slice(Number(query['offset'] ?? 0)).slice(0, Number(query['limit'] ?? 50));
    return reply(200, { dag_runs: page.map(shown), total_entries: runs.length });
  }

  #with(id: string, answer: (run: Run) => Reply): Reply {
    const run = this.#runs.get(id);
    return run === undefined ? detail(404, `The DagRun ${id} was not found`) : answer(run);
  }
}

const isOver = (state: string): boolean => state === 'success' || state === 'failed';

function shown(run: Run): DagRun {
  const { dag_id, dag_run_id, state, queued_at, start_date, end_date } = run;
  const { logical_date, run_after, conf, note } = run;
  const told = { dag_id, dag_run_id, state, queued_at, start_date, end_date };
  return structuredClone({ ...told, logical_date, run_after, conf, note });
}
