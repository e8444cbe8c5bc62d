import { sha256Hex } from '../../../core/canonical.ts';
import { backend } from '../../../backends/kubeflow/index.ts';
import type { OpenBackend } from '../../../core/backend.ts';
import type { Compute, JobHandle, JobReading } from '../../../core/ports/compute.ts';
import { openPorts } from '../../support/contract/harness.ts';
import type { ContractJob, Harness } from '../../support/contract/harness.ts';
import type { FarWork, Soak } from '../../support/soak-runs.ts';
import type { Pod } from '../../../backends/connections/kubernetes/objects.ts';
import {
  ANNOTATIONS,
  JOBSET_LABEL,
  trainJobsPath,
} from '../../../backends/kubeflow/trainer/train-job.ts';
import type { TrainJob } from '../../../backends/kubeflow/trainer/train-job.ts';
import { openWorkplace } from './workplace.ts';
import type { Workplace } from './workplace.ts';

const MODEL = new TextEncoder().encode('weights');
const OUTPUTS = ['model.onnx'];
const ref = { uri: 's3://models/m', sha256: sha256Hex(MODEL), bytes: MODEL.length };
const MANIFEST = { outputs: { 'model.onnx': ref } };
/** Of a program that is asked to prepare as well as to train. */
const ALL_OUTPUTS = { outputs: { ...MANIFEST.outputs, 'train.csv': ref, 'heldout.csv': ref } };

/** What KWOK plays in the place of the program: test/counterparts/kubernetes/stages.ts. */
export function played(...words: readonly string[]): ContractJob {
  return { command: ['/play', ...words], version: 'v1', outputs: OUTPUTS };
}

export const SUCCEEDS = played('exit', '0', '500ms', JSON.stringify(MANIFEST));
export const FAILS = played('exit', '3', '300ms', 'column "amount" is missing');
export const RUNS_LONG = played('run', '0s');

interface Changes {
  readonly nodes?: number;
  readonly timeoutMs?: number;
  readonly checkpointCommand?: readonly string[] | null;
}

export function settingsFor(kubeconfig: string, namespace: string, changes: Changes = {}) {
  const { nodes = 1, timeoutMs = 15_000, checkpointCommand } = changes;
  const runtime = { name: 'orrery', kind: 'TrainingRuntime', nodes };
  return {
    cluster: { kubeconfig, namespace, timeoutMs },
    trainer: {
      runtimes: { prepare: runtime, train: runtime, score: runtime },
      outputUri: 's3://models/orrery',
      ...(checkpointCommand === undefined ? {} : { checkpointCommand }),
    },
    prices: { usdPerCpuHour: 0.04, usdPerGibHour: 0.005, asOf: '2026-11-24', source: 'test' },
  };
}

export function openKubeflow(
  kubeconfig: string,
  namespace: string,
  changes: Changes = {},
): Promise<OpenBackend> {
  return backend.open(backend.settings.parse(settingsFor(kubeconfig, namespace, changes)));
}

/** Jobs by the real Trainer. */
export async function openTrainerHarness(): Promise<Harness> {
  const workplace = await openWorkplace();
  const opened = openPorts(await openKubeflow(workplace.kubeconfig, workplace.namespace));
  return {
    ...opened,
    job: { succeeds: SUCCEEDS, fails: FAILS, runsLong: RUNS_LONG },
    close: async () => {
      await opened.close();
      await workplace.close();
    },
  };
}

/** Killed workers and the cluster's own account of what they made. */
export async function openTrainerSoak(): Promise<Soak> {
  const workplace = await openWorkplace();
  return {
    backend: 'kubeflow',
    settings: settingsFor(workplace.kubeconfig, workplace.namespace),
    work: {
      port: 'compute',
      job: played('exit', '0', '1500ms', JSON.stringify(ALL_OUTPUTS)),
      data: ref,
    },
    ledger: () => ledgerOf(workplace),
    close: () => workplace.close(),
  };
}

/** Each TrainJob, and each pod beyond the one that a job of one node has or whose TrainJob is gone. */
async function ledgerOf({ admin, namespace }: Workplace): Promise<readonly FarWork[]> {
  const jobs = (await admin.list<TrainJob>(trainJobsPath(namespace))).items;
  const pods = (await admin.list<Pod>(`/api/v1/namespaces/${namespace}/pods`)).items;
  const isLive = ({ status }: Pod) => !['Succeeded', 'Failed'].includes(status?.phase ?? '');
  const jobOf = ({ metadata }: Pod) => metadata.labels?.[JOBSET_LABEL] ?? '';
  const workflowOf = (key: string) => {
    const job = jobs.find(({ metadata }) => metadata.name === key);
    return job?.metadata.annotations?.[ANNOTATIONS.workflowId] ?? '';
  };
  const work = jobs.map(({ metadata: { name: key } }) => {
    const live = pods.some((pod) => jobOf(pod) === key && isLive(pod));
    return { key, workflowId: workflowOf(key), live };
  });
  const more = pods.filter((pod, at) => {
    const key = jobOf(pod);
    return workflowOf(key) === '' || pods.findIndex((other) => jobOf(other) === key) < at;
  });
  const further = more.map((pod) => ({ key: jobOf(pod), live: isLive(pod) }));
  return [...work, ...further.map((each) => ({ ...each, workflowId: workflowOf(each.key) }))];
}

/** Longest wait for one change. */
export const WAIT_MS = 60_000;
const READINGS_MAX = 50;

/** Waits as a watcher does, by revisions, until a reading fits. */
export async function followJob(
  compute: Compute,
  handle: JobHandle,
  fits: (reading: JobReading) => boolean,
): Promise<JobReading> {
  let reading = await compute.read(handle);
  for (let count = 0; !fits(reading); count += 1) {
    if (count > READINGS_MAX) {
      throw new Error(`${handle.key} stays ${reading.phase}: ${reading.reason}`);
    }
    reading = await compute.read(handle, { since: reading.revision, waitMs: WAIT_MS });
  }
  return reading;
}
