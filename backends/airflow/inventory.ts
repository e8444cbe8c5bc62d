import type { Inventory, RemoteWork } from '../../core/ports/inventory.ts';
import { LABELS } from '../../core/labels.ts';
import type { AirflowClient } from './client.ts';
import { marksOf } from './marks.ts';
import type { DagRun } from './replies.ts';
import { phaseOf, runSecondsOf } from './run-reading.ts';
import { listRuns, remoteIdOf } from './runs.ts';

/** Live runs are all told; of those that have ended, the newest so many. */
const LIVE_MAX = 10_000;
const ENDED_MAX = 1000;

/** Runs whose conf has our labels, in every DAG that our user may see. */
export function createInventory(client: AirflowClient): Inventory {
  const ours = { conf_contains: LABELS.key, order_by: '-run_after' };
  return {
    list: async () => {
      const live = await listRuns(client, { ...ours, state: ['queued', 'running'] }, LIVE_MAX);
      const ended = await listRuns(client, { ...ours, state: ['success', 'failed'] }, ENDED_MAX);
      // A run may end between the two lists; the later word counts.
      const byId = new Map([...live, ...ended].map((run) => [placeId(run), run]));
      return [...byId.values()]
        .toSorted((a, b) => Date.parse(b.run_after) - Date.parse(a.run_after))
        .flatMap(workOf);
    },
  };
}

const placeId = ({ dag_id: dag, dag_run_id: run }: DagRun): string => remoteIdOf({ dag, run });

function workOf(run: DagRun): readonly RemoteWork[] {
  const marks = marksOf(run.conf);
  // A stranger may have copied our conf into a run of another id.
  if (marks === null || marks.key !== run.dag_run_id) return [];
  return [
    {
      port: 'pipeline',
      key: marks.key,
      remoteId: placeId(run),
      phase: phaseOf(run, []),
      labels: marks.labels,
      startedAt: run.start_date,
      billableSeconds: runSecondsOf(run, Date.now()),
      costUsd: null,
    },
  ];
}
