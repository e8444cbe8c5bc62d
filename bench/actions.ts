import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { BEAT_MS } from '../activities/heartbeats.ts';
import { OrreryError } from '../core/errors.ts';
import { HEARTBEAT_INTERVAL_SECONDS_MAX } from '../workers/watch.ts';
import {
  ACTION_KINDS,
  childrenOf,
  continuedBy,
  countActions,
  firstRunOf,
  sumActions,
} from './action-counter.ts';
import type { ActionCount, HeartbeatRule } from './action-counter.ts';
import { atMost, row } from './table.ts';
import type { Bench, BenchRow } from './table.ts';

/** Most runs of one life that are read: parents, children and their continuations. */
const RUNS_MAX = 200;
/** Where Temporal suggests to continue as new; a run beyond it replays for more than a second. */
const EVENTS_MAX = 4096;
/** What the whole life of a version may cost, heartbeats included. */
const ACTIONS_MAX = 150;
/** How Orrery's workers heartbeat. */
const HEARTBEATS: HeartbeatRule = {
  firstSeconds: BEAT_MS / 1000,
  intervalSecondsMax: HEARTBEAT_INTERVAL_SECONDS_MAX,
};
/** First tier of docs.temporal.io/evaluate/cloud/pricing, US dollars. */
const USD_PER_ACTION = 50 / 1e6;

/** The Actions of one run. */
export interface RunActions {
  readonly workflowId: string;
  readonly runId: string;
  readonly count: ActionCount;
}

/** Reads a workflow, the runs that continue it, and all its children, and counts each run. */
export async function actionsOfTree(
  client: Client,
  workflowId: string,
): Promise<readonly RunActions[]> {
  const runs: RunActions[] = [];
  const newest = await client.workflow.getHandle(workflowId).fetchHistory();
  const queue = [{ workflowId, runId: firstRunOf(newest) }];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    if (runs.length >= RUNS_MAX) {
      throw new OrreryError(
        'REQUEST_INVALID',
        `Cannot count "${workflowId}": it has more than ${RUNS_MAX} runs, wanted at most ${RUNS_MAX}`,
      );
    }
    const { runId } = next;
    const history = await client.workflow.getHandle(next.workflowId, runId).fetchHistory();
    runs.push({ ...next, count: countActions(history, { heartbeats: HEARTBEATS }) });
    queue.push(...childrenOf(history));
    const continuation = continuedBy(history);
    if (continuation !== null) queue.push({ workflowId: next.workflowId, runId: continuation });
  }
  return runs;
}

/** The newest finished lifecycle, when none is named. */
async function newestLifecycle(client: Client): Promise<string> {
  const query = 'WorkflowType = "runLifecycle" AND ExecutionStatus != "Running"';
  for await (const info of client.workflow.list({ query, pageSize: 1 })) return info.workflowId;
  throw new OrreryError(
    'NOT_FOUND',
    'Cannot count Actions: no lifecycle has finished on this server, wanted one, or the id of a workflow as an argument',
  );
}

function rowsOf(runs: readonly RunActions[]): BenchRow[] {
  const sum = sumActions(runs.map((run) => run.count));
  const kinds = ACTION_KINDS.filter((kind) => sum.byKind[kind] > 0);
  return [
    row('Actions of the whole life', sum.total, 'Actions', {
      goal: atMost(ACTIONS_MAX),
      peer: { value: 2000, source: 'a loop of short polls, computed from the same rules' },
    }),
    ...kinds.map((kind) => row(`of which ${kind}`, sum.byKind[kind], 'Actions')),
    row('price', sum.total * USD_PER_ACTION, 'US dollars', { goal: atMost(0.01) }),
    row('events of the longest run', Math.max(...runs.map((run) => run.count.events)), 'events', {
      goal: atMost(EVENTS_MAX),
    }),
    ...runs.map((run) => row(run.workflowId, run.count.total, 'Actions')),
  ];
}

export const bench: Bench = {
  summary:
    'Billable Temporal Actions of a finished lifecycle (the newest, or the workflow id given), its children and continuations included, heartbeats estimated from run times; TEMPORAL_* say where the server is.',
  async run([workflowId]) {
    const config = loadClientConnectConfig();
    const connection = await Connection.connect(config.connectionOptions);
    try {
      const client = new Client({
        connection,
        ...(config.namespace ? { namespace: config.namespace } : {}),
      });
      const id = workflowId ?? (await newestLifecycle(client));
      return rowsOf(await actionsOfTree(client, id));
    } finally {
      await connection.close();
    }
  },
};
