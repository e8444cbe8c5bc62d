import { OrreryError } from '../../../core/errors.ts';
import type { KubernetesClient } from '../../connections/kubernetes/client.ts';
import { KATIB_API } from './objects.ts';

interface ResourceList {
  readonly resources?: readonly { readonly name: string }[];
}

/** Whether the cluster has Katib's CRDs, by the discovery that every authenticated user may read. */
export async function isKatibServed(client: KubernetesClient): Promise<boolean> {
  const served = await client.get<ResourceList>(KATIB_API).catch((error: unknown) => {
    if (error instanceof OrreryError && error.details['status'] === 404) return null;
    throw error;
  });
  const names = new Set((served?.resources ?? []).map(({ name }) => name));
  return names.has('experiments') && names.has('trials');
}

/** @throws OrreryError PORT_MISSING naming the other way */
export async function assertKatibServed(client: KubernetesClient): Promise<void> {
  if (await isKatibServed(client)) return;
  throw new OrreryError(
    'PORT_MISSING',
    `Cannot search with Katib: ${client.server} serves no experiments of kubeflow.org/v1beta1; ` +
      'install Katib, or let our own search run over TrainJobs: engine "orrery" of tuneModel',
  );
}
