import type { AirflowClient } from './client.ts';
import { checked } from './client.ts';
import { refusal } from './errors.ts';
import { deadlinesSchema } from './replies.ts';
import { remoteIdOf, type RunPlace } from './runs.ts';

/**
 * Deadlines of a run that were missed, one sentence each. Airflow keeps them when a DAG has a
 * `deadline`, and tells them to its own pages alone (`/ui/…`, not part of the stable API): an Airflow
 * without that path tells none.
 */
export async function missedDeadlines(
  client: AirflowClient,
  place: RunPlace,
): Promise<readonly string[]> {
  const call = {
    action: `read the deadlines of ${remoteIdOf(place)}`,
    method: 'GET',
    path: '/ui/dags/{dag_id}/dagRuns/{dag_run_id}/deadlines',
    at: { dag_id: place.dag, dag_run_id: place.run },
  } as const;
  const reply = await client.send(call);
  if (reply.status === 404) return [];
  if (reply.status >= 300) throw refusal(call.action, reply);
  return checked(call, reply, deadlinesSchema)
    .deadlines.filter(({ missed }) => missed)
    .map(({ deadline_time: at, alert_name: name }) =>
      name === null ? `missed its deadline at ${at}` : `missed the deadline "${name}" at ${at}`,
    );
}
