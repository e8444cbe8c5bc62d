import { createHash } from 'node:crypto';

import { backend } from '../../../backends/sagemaker/index.ts';
import { LABELS } from '../../../core/labels.ts';
import { freshName } from '../../support/contract/harness.ts';
import type { FarWork, Soak } from '../../support/soak-runs.ts';
import { openTestLayer, putText, settingsFor, TEST_CREDENTIALS } from './far-side.ts';
import { definitionText, livingJob } from './works.ts';
import type { Layer } from './layer/server.ts';

const TABLE = 'id,label\n1,0\n';
/** Seconds of the layer in one of ours: a job of its usual 14 s then takes about two of ours. */
const SPEED = 7;

/** Workers that are killed while training and processing jobs run; moto's acceptances are the witness. */
export async function openJobSoak(): Promise<Soak> {
  const layer = await openTestLayer(SPEED);
  const uri = await putText(layer.url, `elsewhere/${freshName('soak')}.csv`, TABLE);
  const sha256 = createHash('sha256').update(TABLE).digest('hex');
  return {
    backend: 'sagemaker',
    settings: settingsFor(layer.url, { pollMs: 100 }),
    env: TEST_CREDENTIALS,
    work: { port: 'compute', job: livingJob({}), data: { uri, sha256, bytes: TABLE.length } },
    ledger: async () => jobsOf(layer),
    close: () => layer.close(),
  };
}

/** The same with runs of a pipeline of two steps. */
export async function openRunSoak(): Promise<Soak> {
  const layer = await openTestLayer(SPEED);
  const settings = settingsFor(layer.url, { pollMs: 100 });
  const open = await backend.open(settings);
  const pipeline = freshName('pipeline');
  const content = { kind: 'source' as const, text: definitionText() };
  await open.ports.definitions!.put({ name: pipeline, content });
  await open.close();
  const life = JSON.stringify({ stepSeconds: 7 });
  return {
    backend: 'sagemaker',
    settings,
    env: TEST_CREDENTIALS,
    work: { port: 'pipeline', run: { pipeline, params: { life } } },
    ledger: async () => runsOf(layer),
    close: () => layer.close(),
  };
}

interface Tagged {
  readonly Tags?:
    readonly { readonly Key: string | undefined; readonly Value: string | undefined }[] | undefined;
}

function workflowOf({ Tags = [] }: Tagged): string {
  return Tags.find(({ Key }) => Key === LABELS.workflowId)?.Value ?? '';
}

/** One entry for each acceptance, so that a name that moto took twice shows twice. */
function jobsOf({ training, processing }: Layer): readonly FarWork[] {
  const trained = training.created.map((key) => {
    const record = training.find(key);
    const live = training.momentOf(record).endAt === null;
    return { key, workflowId: workflowOf(record.request), live };
  });
  const processed = processing.created.map((key) => {
    const record = processing.records.get(key)!;
    const live = processing.momentOf(record).endAt === null;
    return { key, workflowId: workflowOf(record.request), live };
  });
  return [...trained, ...processed];
}

function runsOf({ pipelines }: Layer): readonly FarWork[] {
  return [...pipelines.executions.values()].map((execution) => {
    const told = execution.request.PipelineExecutionDescription ?? '{}';
    const labels = JSON.parse(told) as Readonly<Record<string, string>>;
    const { status } = pipelines.momentOf(execution);
    return {
      key: execution.displayName,
      workflowId: labels[LABELS.workflowId] ?? '',
      live: status === 'Executing' || status === 'Stopping',
    };
  });
}
