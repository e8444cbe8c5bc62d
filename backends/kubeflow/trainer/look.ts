import type { Pod } from '../../connections/kubernetes/objects.ts';
import { listCollection } from '../../connections/kubernetes/watch.ts';
import type { Collection } from '../../connections/kubernetes/watch.ts';
import type { KubernetesClient } from '../../connections/kubernetes/client.ts';
import { needsChildren } from './assessment.ts';
import type { Child, Snapshot } from './assessment.ts';
import { JOBSET_LABEL, trainJobsPath } from './train-job.ts';
import type { TrainJob } from './train-job.ts';

/** A read of one job, with where a watch must begin to miss nothing after it. */
export interface Look {
  /** null when there is no such TrainJob. */
  readonly snapshot: Snapshot | null;
  /** Pods with its name, also of a TrainJob that was deleted. */
  readonly pods: readonly Pod[];
  readonly watchFrom: readonly {
    readonly collection: Collection;
    readonly resourceVersion: string;
  }[];
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
  const jobs: Collection = {
    path: trainJobsPath(client.namespace),
    fieldSelector: `metadata.name=${name}`,
  };
  const pods = below(client, '/api/v1', 'pods', name);
  const jobListing = await listCollection<TrainJob>(client, jobs);
  const podListing = await listCollection<Pod>(client, pods);
  const job = jobListing.items[0];
  return {
    snapshot: job === undefined ? null : await snapshotOf(client, job, podListing.items),
    pods: podListing.items,
    watchFrom: [
      { collection: jobs, resourceVersion: jobListing.resourceVersion },
      { collection: pods, resourceVersion: podListing.resourceVersion },
    ],
  };
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
