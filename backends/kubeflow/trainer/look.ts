import { LABELS } from '../../../core/labels.ts';
import type { Pod } from '../../connections/kubernetes/objects.ts';
import { listCollection } from '../../connections/kubernetes/watch.ts';
import type { Collection, KeyOf } from '../../connections/kubernetes/watch.ts';
import type { KubernetesClient } from '../../connections/kubernetes/client.ts';
import { needsChildren } from './assessment.ts';
import type { Child, Snapshot } from './assessment.ts';
import { JOBSET_LABEL, trainJobPath, trainJobsPath } from './train-job.ts';
import type { TrainJob } from './train-job.ts';

/** A read of one job. */
export interface Look {
  /** null when there is no such TrainJob. */
  readonly snapshot: Snapshot | null;
  /** Pods with its name, also of a TrainJob that was deleted. */
  readonly pods: readonly Pod[];
}

interface Event {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly creationTimestamp: string;
  };
  readonly reason?: string;
  readonly message?: string;
}

/** Reads a TrainJob and what hangs below it. */
export async function lookAt(client: KubernetesClient, name: string): Promise<Look> {
  const job = await client.get<TrainJob>(trainJobPath(client.namespace, name));
  const pods = (await listCollection<Pod>(client, below(client, '/api/v1', 'pods', name))).items;
  return { snapshot: job === null ? null : await snapshotOf(client, job, pods), pods };
}

/** What tells that a job has changed: itself, and the pods below it. */
export function watchedBy(client: KubernetesClient): readonly {
  readonly collection: Collection;
  readonly keyOf: KeyOf;
}[] {
  return [
    {
      collection: {
        path: trainJobsPath(client.namespace),
        labelSelector: `${LABELS.managed}=true`,
      },
      keyOf: ({ metadata }) => metadata.name,
    },
    {
      collection: {
        path: `/api/v1/namespaces/${client.namespace}/pods`,
        labelSelector: JOBSET_LABEL,
      },
      keyOf: ({ metadata }) => metadata.labels?.[JOBSET_LABEL] ?? null,
    },
  ];
}

/** Adds the JobSet, the Jobs and their events where the state hangs on them. */
export async function snapshotOf(
  client: KubernetesClient,
  job: TrainJob,
  pods: readonly Pod[],
): Promise<Snapshot> {
  if (!needsChildren(job, pods)) return { job, pods, jobSet: null, jobs: [], blocked: '' };
  const { name } = job.metadata;
  const { namespace } = client;
  const jobSetPath = `/apis/jobset.x-k8s.io/v1alpha2/namespaces/${namespace}/jobsets/${name}`;
  const jobSet = await client.get<Child>(jobSetPath);
  const jobs = (await listCollection<Child>(client, below(client, '/apis/batch/v1', 'jobs', name)))
    .items;
  const blocked = pods.length > 0 ? '' : await blockedBy(client, job, jobs);
  return { job, pods, jobSet, jobs, blocked };
}

/** The newest complaint about pods that cannot be made, such as a quota that is used up. */
async function blockedBy(
  client: KubernetesClient,
  job: TrainJob,
  jobs: readonly Child[],
): Promise<string> {
  const subjects = [job.metadata.name, ...jobs.map(({ metadata }) => metadata.name)];
  const events: Event[] = [];
  for (const subject of subjects) {
    const { items } = await listCollection<Event>(client, {
      path: `/api/v1/namespaces/${client.namespace}/events`,
      fieldSelector: `involvedObject.name=${subject},type=Warning`,
    });
    events.push(...items);
  }
  const newest = events.toSorted((a, b) =>
    a.metadata.creationTimestamp < b.metadata.creationTimestamp ? 1 : -1,
  )[0];
  return newest === undefined ? '' : `${newest.reason ?? 'Warning'}: ${newest.message ?? ''}`;
}

function below(client: KubernetesClient, root: string, plural: string, name: string): Collection {
  return {
    path: `${root}/namespaces/${client.namespace}/${plural}`,
    labelSelector: `${JOBSET_LABEL}=${name}`,
  };
}
