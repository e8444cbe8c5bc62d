/**
 * Deadlines. Airflow keeps them when a DAG has a `deadline`, and tells them to its own pages alone
 * (`/ui/…`, not part of the stable API): an Airflow without that path tells none.
 */
import { z } from 'zod';
import type { AirflowClient, Call } from './client.ts';
import { checked } from './client.ts';
import { refusal } from './errors.ts';
import { deadlinesSchema } from './replies.ts';
import { remoteIdOf, type RunPlace } from './runs.ts';

/** A DAG is asked again after this long. */
const REMEMBERED_MS = 60_000;
const alertsSchema = z.object({ total_entries: z.int() });

/** Tells deadlines of a run that were missed, one sentence each. */
export type MissedDeadlines = (place: RunPlace) => Promise<readonly string[]>;

/** Most DAGs have no deadline: that is asked once a minute and not for each reading of each run. */
export function createDeadlines(client: AirflowClient): MissedDeadlines {
  const asked = new Map<string, { readonly until: number; readonly has: Promise<boolean> }>();
  return async (place) => {
    const { dag } = place;
    let answer = asked.get(dag);
    if (answer === undefined || Date.now() >= answer.until) {
      answer = { until: Date.now() + REMEMBERED_MS, has: hasDeadlines(client, dag) };
      asked.set(dag, answer);
    }
    try {
      return (await answer.has) ? await missed(client, place) : [];
    } catch (error) {
      asked.delete(dag);
      throw error;
    }
  };
}

async function hasDeadlines(client: AirflowClient, dag: string): Promise<boolean> {
  const call: Call = {
    action: `look for deadlines of the DAG "${dag}"`,
    method: 'GET',
    path: '/ui/dags/{dag_id}/deadlineAlerts',
    at: { dag_id: dag },
    query: { limit: 1 },
  };
  const reply = await client.send(call);
  if (reply.status === 404) return false;
  if (reply.status >= 300) throw refusal(call.action, reply);
  return checked(call, reply, alertsSchema).total_entries > 0;
}

async function missed(client: AirflowClient, place: RunPlace): Promise<readonly string[]> {
  const call: Call = {
    action: `read the deadlines of ${remoteIdOf(place)}`,
    method: 'GET',
    path: '/ui/dags/{dag_id}/dagRuns/{dag_run_id}/deadlines',
    at: { dag_id: place.dag, dag_run_id: place.run },
  };
  const reply = await client.send(call);
  if (reply.status === 404) return [];
  if (reply.status >= 300) throw refusal(call.action, reply);
  return checked(call, reply, deadlinesSchema)
    .deadlines.filter((deadline) => deadline.missed)
    .map(({ deadline_time: at, alert_name: name }) =>
      name === null ? `missed its deadline at ${at}` : `missed the deadline "${name}" at ${at}`,
    );
}
