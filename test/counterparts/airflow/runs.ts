import { createClient } from '../../../backends/airflow/client.ts';
import type { AirflowClient } from '../../../backends/airflow/client.ts';
import type { AirflowSettings } from '../../../backends/airflow/settings.ts';
import type { DataFlow } from '../../../core/ports/definitions.ts';
import type { Pipeline, PipelineIntent, PipelineReading } from '../../../core/ports/pipeline.ts';
import { freshName, pipelineIntent } from '../../support/contract/harness.ts';
import { until } from '../../support/until.ts';
import type { OpenedAirflow } from './opened.ts';

const END_MS_MAX = 120_000;
const LIVE = ['pending', 'running'];

/** Defines a flow under a name of its own and gives the name. */
export async function defined(
  { port }: OpenedAirflow,
  prefix: string,
  flow: DataFlow,
): Promise<string> {
  const name = freshName(prefix);
  await port('definitions').put({ name, content: { kind: 'flow', flow } });
  return name;
}

/** A run of a DAG that differs from every other. */
export function runOf(pipeline: string, params: PipelineIntent['spec']['params'] = {}) {
  return pipelineIntent({ pipeline, params }, freshName('run'));
}

/** The first reading for which the condition holds. */
export async function readUntil(
  pipeline: Pipeline,
  remoteId: string,
  condition: string,
  holds: (reading: PipelineReading) => boolean,
): Promise<PipelineReading> {
  const ask = async () => {
    const reading = await pipeline.read({ key: '', remoteId });
    return holds(reading) ? reading : null;
  };
  return until(`${remoteId} ${condition}`, ask, END_MS_MAX);
}

export function readToEnd(pipeline: Pipeline, remoteId: string): Promise<PipelineReading> {
  return readUntil(pipeline, remoteId, 'ends', ({ phase }) => !LIVE.includes(phase));
}

/** Resolves once a task of the run is running. */
export function whenAtWork(pipeline: Pipeline, remoteId: string): Promise<PipelineReading> {
  return readUntil(pipeline, remoteId, 'is at work', ({ tasks }) =>
    tasks.some(({ phase }) => phase === 'running'),
  );
}

/** Airflow's own account, past the backend under test. */
export async function witness<T>(
  settings: AirflowSettings,
  look: (client: AirflowClient) => Promise<T>,
): Promise<T> {
  const client = createClient(settings);
  try {
    return await look(client);
  } finally {
    await client.close();
  }
}
