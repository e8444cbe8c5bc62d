import { LABELS } from '../../../core/labels.ts';
import type { RemoteWork } from '../../../core/ports/inventory.ts';
import type { KubernetesClient } from '../../connections/kubernetes/client.ts';
import type { Pod } from '../../connections/kubernetes/objects.ts';
import { listCollection } from '../../connections/kubernetes/watch.ts';
import { assess } from './assessment.ts';
import { snapshotOf } from './look.ts';
import { costUsd } from './prices.ts';
import { endRecordOf } from './record.ts';
import type { PriceBook } from './settings.ts';
import { ANNOTATIONS, JOBSET_LABEL, remoteIdOf, trainJobsPath, workLabelsOf } from './train-job.ts';
import type { TrainJob } from './train-job.ts';

/** All TrainJobs of the namespace that carry our label; ended ones until somebody deletes them. */
export async function listTrainJobs(
  client: KubernetesClient,
  book: PriceBook | undefined,
): Promise<readonly RemoteWork[]> {
  const jobs = await listCollection<TrainJob>(client, {
    path: trainJobsPath(client.namespace),
    labelSelector: `${LABELS.managed}=true`,
  });
  const pods = await listCollection<Pod>(client, {
    path: `/api/v1/namespaces/${client.namespace}/pods`,
    labelSelector: JOBSET_LABEL,
  });
  const ofJob = new Map<string, Pod[]>();
  for (const pod of pods.items) {
    const name = pod.metadata.labels?.[JOBSET_LABEL] ?? '';
    ofJob.set(name, [...(ofJob.get(name) ?? []), pod]);
  }
  const nowSeconds = Math.floor(Date.now() / 1000);
  const work: RemoteWork[] = [];
  for (const job of jobs.items) {
    const facts = await factsOf(client, job, ofJob.get(job.metadata.name) ?? [], nowSeconds);
    work.push({
      port: 'compute',
      key: job.metadata.name,
      remoteId: remoteIdOf(job),
      labels: workLabelsOf(job),
      ...facts,
      costUsd: book === undefined ? null : costUsd(book, resourcesOf(job), facts.billableSeconds),
    });
  }
  return work;
}

/** Ends are told and not recorded: an inventory changes nothing. */
async function factsOf(
  client: KubernetesClient,
  job: TrainJob,
  pods: readonly Pod[],
  nowSeconds: number,
): Promise<Pick<RemoteWork, 'phase' | 'startedAt' | 'billableSeconds'>> {
  const recorded = endRecordOf(job);
  if (recorded !== null) return pick(recorded);
  const assessment = assess(await snapshotOf(client, job, pods), nowSeconds);
  return pick(assessment.kind === 'live' ? assessment : assessment.record);
}

function pick<T extends Pick<RemoteWork, 'phase' | 'startedAt' | 'billableSeconds'>>(facts: T) {
  const { phase, startedAt, billableSeconds } = facts;
  return { phase, startedAt, billableSeconds };
}

function resourcesOf(job: TrainJob): { readonly cpus: number; readonly memoryMiB: number } {
  const text = job.metadata.annotations?.[ANNOTATIONS.resources] ?? '{}';
  const { cpus = 0, memoryMiB = 0 } = JSON.parse(text) as { cpus?: number; memoryMiB?: number };
  return { cpus, memoryMiB };
}
