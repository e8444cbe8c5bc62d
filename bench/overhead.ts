import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { endProcess, startDevServer } from './dev-server.ts';
import type { StepsRequest } from './overhead-workflow.ts';
import { stepMillis } from './step-times.ts';
import { atMost, percentile, row } from './table.ts';
import type { Bench, BenchRow, Peer } from './table.ts';

const STEPS = 40;
const RUNS = 24;
const RUNS_WARM = 3;
const BURST_WORKFLOWS = 200;
const BURST_STEPS = 10;
const STARTS = 200;

const WORKER = fileURLToPath(new URL('./overhead-worker.ts', import.meta.url));

/** 40 sequential tiny tasks: 3.063 s on Temporal with JavaScript, 116.2 s on Airflow 2.7.3. */
const TEMPORAL_PEER: Peer = { value: 76.6, source: 'Temporal JS, windmill.dev benchmarks' };
const AIRFLOW_PEER: Peer = { value: 2905, source: 'Airflow 2.7.3, windmill.dev benchmarks' };

/** Where the workflows and the activities of a layout run. */
export interface Layout {
  readonly name: string;
  readonly workflowQueue: string;
  readonly activityQueue: string;
  /** Queue → role of the worker process that serves it. */
  readonly workers: Readonly<Record<string, 'workflows' | 'activities' | 'both'>>;
}

/** Workflow worker and activity worker are two processes, as trust zones want it. */
export const APART: Layout = {
  name: 'zones apart',
  workflowQueue: 'bench-orchestrate',
  activityQueue: 'bench-control',
  workers: { 'bench-orchestrate': 'workflows', 'bench-control': 'activities' },
};
/** One worker on one queue, so that the server hands activities over with the workflow task. */
export const TOGETHER: Layout = {
  name: 'one worker, eager',
  workflowQueue: 'bench-both',
  activityQueue: 'bench-both',
  workers: { 'bench-both': 'both' },
};

/** One run of so many steps, to its end. */
export async function runOnce(client: Client, layout: Layout, steps: number) {
  const request: StepsRequest = { steps, activityQueue: layout.activityQueue };
  const handle = await client.workflow.start('runSteps', {
    workflowId: `bench/${randomUUID()}`,
    taskQueue: layout.workflowQueue,
    args: [request],
  });
  await handle.result();
  return handle;
}

/** Worker processes of a layout as long as `use` goes on. */
export async function withWorkers<T>(
  address: string,
  layout: Layout,
  use: () => Promise<T>,
): Promise<T> {
  const children = Object.entries(layout.workers).map(([queue, role]) =>
    spawn(process.execPath, [WORKER, address, queue, role], {
      stdio: ['ignore', 'ignore', 'inherit'],
    }),
  );
  try {
    return await use();
  } finally {
    await Promise.all(children.map(endProcess));
  }
}

/** For each run the milliseconds of every step but the last, as the server's events tell. */
async function sequentialRuns(client: Client, layout: Layout): Promise<number[][]> {
  const runs: number[][] = [];
  for (let run = 0; run < RUNS_WARM + RUNS; run += 1) {
    const handle = await runOnce(client, layout, STEPS);
    if (run >= RUNS_WARM) runs.push(stepMillis(await handle.fetchHistory()));
  }
  return runs;
}

async function burst(client: Client, layout: Layout): Promise<number> {
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: BURST_WORKFLOWS }, () => runOnce(client, layout, BURST_STEPS)),
  );
  return (BURST_WORKFLOWS * BURST_STEPS * 1000) / (performance.now() - startedAt);
}

async function startMillis(client: Client, layout: Layout): Promise<number[]> {
  const samples: number[] = [];
  for (let start = 0; start < STARTS; start += 1) {
    const startedAt = performance.now();
    const handle = await client.workflow.start('runSteps', {
      workflowId: `bench/${randomUUID()}`,
      taskQueue: layout.workflowQueue,
      args: [{ steps: 0, activityQueue: layout.activityQueue } satisfies StepsRequest],
    });
    samples.push(performance.now() - startedAt);
    await handle.result();
  }
  return samples;
}

async function measure(client: Client, layout: Layout, goalMs: number): Promise<BenchRow[]> {
  const runs = await sequentialRuns(client, layout);
  const starts = await startMillis(client, layout);
  const stepsPerSecond = await burst(client, layout);
  const { name } = layout;
  const steps = runs.flat();
  const median = percentile(steps, 0.5);
  const quickest = Math.min(...runs.map((run) => percentile(run, 0.5)));
  return [
    row(`${name}: step p50`, median, 'ms', { goal: atMost(goalMs), peer: TEMPORAL_PEER }),
    row(`${name}: step p50 against Airflow`, median, 'ms', { peer: AIRFLOW_PEER }),
    row(`${name}: step p50 of the quickest run`, quickest, 'ms'),
    row(`${name}: step p95`, percentile(steps, 0.95), 'ms'),
    row(`${name}: start p50`, percentile(starts, 0.5), 'ms'),
    row(`${name}: start p99`, percentile(starts, 0.99), 'ms'),
    row(`${name}: ${BURST_WORKFLOWS} × ${BURST_STEPS} steps at once`, stepsPerSecond, 'steps/s'),
  ];
}

/** Each layout gets a server of its own, so that neither works on what the other left behind. */
async function measureAlone(layout: Layout, goalMs: number): Promise<BenchRow[]> {
  const server = await startDevServer();
  const connection = await Connection.connect({ address: server.address });
  try {
    const client = new Client({ connection });
    return await withWorkers(server.address, layout, () => measure(client, layout, goalMs));
  } finally {
    await connection.close();
    await server.stop();
  }
}

export const bench: Bench = {
  summary: `Orchestration overhead of a step that does nothing: ${RUNS} runs of ${STEPS} sequential activities on a Temporal dev server (SQLite, WAL), real worker processes, no local activities. The peers ran 40 sequential tiny tasks on an AWS m4.large.`,
  async run() {
    return [...(await measureAlone(APART, 20)), ...(await measureAlone(TOGETHER, 10))];
  },
};
