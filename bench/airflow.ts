/**
 * The same ten steps that do nothing, one after the other, on our engine and on a real Airflow: by
 * turns, on the same machine, in the same minutes. `npm run bench -- airflow [rounds]`.
 */
import { Client, Connection } from '@temporalio/client';
import { createClient, type AirflowClient } from '../backends/airflow/client.ts';
import { runSchema, type DagRun } from '../backends/airflow/replies.ts';
import { findDag } from '../backends/airflow/dags.ts';
import { isOver } from '../backends/airflow/run-reading.ts';
import { findRun, listTasks } from '../backends/airflow/runs.ts';
import { settingsFor } from '../test/counterparts/airflow/login.ts';
import { endGroup } from '../test/counterparts/airflow/processes.ts';
import {
  health,
  startAirflow,
  startComponent,
  stopAirflow,
  type AirflowState,
} from '../test/counterparts/airflow/server.ts';
import { until } from '../test/support/until.ts';
import { startDevServer } from './dev-server.ts';
import { APART, runOnce, TOGETHER, withWorkers, type Layout } from './overhead.ts';
import { stepMillis } from './step-times.ts';
import { atLeast, percentile, row } from './table.ts';
import type { Bench, BenchRow } from './table.ts';

const STEPS = 10;
const ROUNDS = 3;
/** Runs of each system in a round; the first of Airflow's warms a scheduler that has just begun. */
const OUR_RUNS = 5;
const AIRFLOW_RUNS = 2;
const RUN_MS_MAX = 180_000;
const POLL_MS = 100;
const GOAL_DEFAULT = 100;
const GOAL_TUNED = 50;

const DAG = 'bench_noop';
/** Real tasks in processes of their own: Airflow does not run an EmptyOperator at all. */
const DAG_FILE = `from airflow.sdk import DAG, task


@task
def noop(step):
    return None


with DAG("${DAG}", schedule=None, is_paused_upon_creation=False) as dag:
    before = None
    for step in range(${STEPS}):
        now = noop.override(task_id=f"step_{step}")(step)
        if before is not None:
            before >> now
        before = now
`;

/** Airflow's own defaults where the tests have it look and schedule more often. */
const DEFAULTS = {
  AIRFLOW__CORE__PARALLELISM: '32',
  AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL: '300',
  AIRFLOW__DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL: '5',
  AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL: '30',
  AIRFLOW__DAG_PROCESSOR__STALE_DAG_THRESHOLD: '50',
  AIRFLOW__SCHEDULER__PARSING_CLEANUP_INTERVAL: '60',
  AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME: '1',
};
const SCHEDULERS = {
  'Airflow by default': {},
  'Airflow, idle sleep 0.1 s': { AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME: '0.1' },
} as const;
type Scheduler = keyof typeof SCHEDULERS;
const [BY_DEFAULT, TUNED] = Object.keys(SCHEDULERS) as [Scheduler, Scheduler];

/** Milliseconds of whole runs, and from one step to the next. */
interface Times {
  readonly runs: number[];
  readonly steps: number[];
}
const noTimes = (): Times => ({ runs: [], steps: [] });

async function timeOurs(client: Client, layout: Layout, times: Times): Promise<void> {
  for (let run = 0; run < OUR_RUNS; run += 1) {
    const startedAt = performance.now();
    const handle = await runOnce(client, layout, STEPS);
    times.runs.push(performance.now() - startedAt);
    times.steps.push(...stepMillis(await handle.fetchHistory()));
  }
}

/** A scheduler of this setting as long as its runs take; nothing of Airflow schedules besides. */
async function timeAirflow(
  airflow: AirflowState,
  client: AirflowClient,
  scheduler: Scheduler,
  round: number,
  times: Times,
): Promise<void> {
  const started = startComponent(airflow, 'scheduler', SCHEDULERS[scheduler]);
  airflow.processes.push(started);
  try {
    await until('the scheduler is healthy', () => health(airflow, ['triggerer']), RUN_MS_MAX);
    for (let run = 0; run <= AIRFLOW_RUNS; run += 1) {
      const id = `${scheduler === TUNED ? 'tuned' : 'default'}-${round}-${run}`;
      const { whole, steps } = await timeRun(client, id);
      if (run === 0) continue;
      times.runs.push(whole);
      times.steps.push(...steps);
    }
  } finally {
    await endGroup(started);
  }
}

/** By Airflow's own record: from queued to ended, and from one start of a task to the next. */
async function timeRun(client: AirflowClient, id: string) {
  const body = { dag_run_id: id, logical_date: null };
  const call = {
    action: 'start the bench',
    method: 'POST',
    path: '/dags/{dag_id}/dagRuns',
  } as const;
  await client.ask({ ...call, at: { dag_id: DAG }, body }, runSchema);
  const place = { dag: DAG, run: id };
  const ended = async (): Promise<DagRun | null> => {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    const run = await findRun(client, place);
    return run !== null && isOver(run) ? run : null;
  };
  const { queued_at: from, end_date: to, state } = await until(id, ended, RUN_MS_MAX);
  if (state !== 'success') throw new Error(`The run ${id} of Airflow ended as ${state}`);
  const starts = (await listTasks(client, place))
    .map(({ start_date: at }) => Date.parse(at ?? ''))
    .toSorted((a, b) => a - b);
  const steps = starts.slice(1).map((at, index) => at - (starts[index] ?? at));
  return { whole: Date.parse(to ?? '') - Date.parse(from ?? ''), steps };
}

async function rounds(
  count: number,
  ours: Client,
  airflow: AirflowState,
  client: AirflowClient,
): Promise<Readonly<Record<string, Times>>> {
  const names = [APART.name, TOGETHER.name, BY_DEFAULT, TUNED];
  const times: Record<string, Times> = Object.fromEntries(names.map((name) => [name, noTimes()]));
  await timeOurs(ours, APART, noTimes());
  await timeOurs(ours, TOGETHER, noTimes());
  for (let round = 1; round <= count; round += 1) {
    for (const scheduler of [BY_DEFAULT, TUNED]) {
      await timeOurs(ours, APART, times[APART.name]!);
      await timeOurs(ours, TOGETHER, times[TOGETHER.name]!);
      await timeAirflow(airflow, client, scheduler, round, times[scheduler]!);
    }
  }
  return times;
}

function rowsOf(times: Readonly<Record<string, Times>>): BenchRow[] {
  const median = (name: string, what: keyof Times) => percentile(times[name]?.[what] ?? [], 0.5);
  // What other work on the machine disturbs least.
  const quickest = (name: string) => Math.min(...(times[name]?.runs ?? []));
  const measured = Object.keys(times).flatMap((name) => [
    row(`${name}: run of ${STEPS} steps p50`, median(name, 'runs'), 'ms'),
    row(`${name}: run of ${STEPS} steps, the quickest`, quickest(name), 'ms'),
    row(`${name}: step p50`, median(name, 'steps'), 'ms'),
  ]);
  const goals = { [BY_DEFAULT]: GOAL_DEFAULT, [TUNED]: GOAL_TUNED };
  const ratios = [APART.name, TOGETHER.name].flatMap((ours) =>
    [BY_DEFAULT, TUNED].flatMap((theirs) => {
      const ratio = (what: keyof Times) => median(theirs, what) / median(ours, what);
      const goal = atLeast(goals[theirs] ?? 0);
      return [
        row(`${ours} against ${theirs}: run`, ratio('runs'), '×', { goal }),
        row(`${ours} against ${theirs}: step`, ratio('steps'), '×', { goal }),
        row(`${ours} against ${theirs}: quickest run`, quickest(theirs) / quickest(ours), '×'),
      ];
    }),
  );
  return [...measured, ...ratios];
}

export const bench: Bench = {
  summary: `${STEPS} sequential steps that do nothing, by turns on this machine: activities on a Temporal dev server (SQLite, WAL) with real worker processes, and Python tasks on Airflow 3.3 with LocalExecutor on PostgreSQL (without fsync), warm, every other setting at its default. A run counts from its start to its end, a step from one start to the next.`,
  async run([count = String(ROUNDS)]) {
    const server = await startDevServer();
    try {
      return rowsOf(await besideAirflow(server.address, Number(count)));
    } finally {
      await server.stop();
    }
  },
};

async function besideAirflow(address: string, count: number) {
  const airflow = await startAirflow({
    env: DEFAULTS,
    without: ['scheduler', 'triggerer'],
    dags: { 'bench_noop.py': DAG_FILE },
  });
  const client = createClient(settingsFor(airflow));
  const connection = await Connection.connect({ address });
  try {
    await until('the DAG is parsed', () => findDag(client, DAG), RUN_MS_MAX);
    const ours = new Client({ connection });
    const measure = () => rounds(count, ours, airflow, client);
    return await withWorkers(address, APART, () => withWorkers(address, TOGETHER, measure));
  } finally {
    await connection.close();
    await client.close();
    await stopAirflow(airflow);
  }
}
