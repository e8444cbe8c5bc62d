import type { LineageArtifact } from '../../core/ports/pipeline.ts';
import type { AirflowClient } from './client.ts';
import { checked } from './client.ts';
import { refusal } from './errors.ts';
import { assetEventsSchema } from './replies.ts';
import { remoteIdOf, type RunPlace } from './runs.ts';

const EVENTS_MAX = 100;
const ASSET = 'airflow.Asset';

/**
 * Assets that the run's tasks wrote, by the events that they left, and those whose news started it.
 * Airflow records no other reads.
 */
export async function lineageOf(
  client: AirflowClient,
  place: RunPlace,
): Promise<readonly LineageArtifact[]> {
  const { dag, run } = place;
  const written = await client.ask(
    {
      action: `read what ${remoteIdOf(place)} wrote`,
      method: 'GET',
      path: '/assets/events',
      query: { source_dag_id: dag, source_run_id: run, limit: EVENTS_MAX, order_by: 'timestamp' },
    },
    assetEventsSchema,
  );
  const call = {
    action: `read what started ${remoteIdOf(place)}`,
    method: 'GET',
    path: '/dags/{dag_id}/dagRuns/{dag_run_id}/upstreamAssetEvents',
    at: { dag_id: dag, dag_run_id: run },
  } as const;
  const reply = await client.send(call);
  if (reply.status >= 300 && reply.status !== 404) throw refusal(call.action, reply);
  const consumed = reply.status === 404 ? [] : checked(call, reply, assetEventsSchema).asset_events;
  const artifact = (task: string, direction: 'input' | 'output', uri: string | null) => ({
    task,
    direction,
    name: uri ?? '',
    uri: uri ?? '',
    type: ASSET,
  });
  return [
    ...consumed.map(({ uri }) => artifact('', 'input', uri)),
    ...written.asset_events.map(({ uri, source_task_id: task }) =>
      artifact(task ?? '', 'output', uri),
    ),
  ];
}
