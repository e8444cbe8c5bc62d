import type { KubernetesClient } from '../../../../backends/connections/kubernetes/client.ts';
import { until } from '../../../support/until.ts';
import { apply } from '../../kubernetes/manifests.ts';

/**
 * Katib's CRDs as Katib has them: its own accept anything, and its webhook validates (here:
 * acceptance.ts). Katib's module cannot be had, so these few lines stand for its manifests.
 */
function crd(kind: 'Experiment' | 'Trial') {
  const singular = kind.toLowerCase();
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${singular}s.kubeflow.org` },
    spec: {
      group: 'kubeflow.org',
      scope: 'Namespaced',
      names: { kind, singular, plural: `${singular}s` },
      versions: [
        {
          name: 'v1beta1',
          served: true,
          storage: true,
          subresources: { status: {} },
          schema: {
            openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
          },
        },
      ],
    },
  };
}

/** Registers what is missing; returns once it is served. */
export async function serveKatibApi(admin: KubernetesClient): Promise<void> {
  for (const kind of ['Experiment', 'Trial'] as const) await apply(admin, crd(kind));
  await until('the cluster serves experiments and trials', async () => {
    const served = await Promise.all(
      ['experiments', 'trials'].map((plural) =>
        admin.list(`/apis/kubeflow.org/v1beta1/namespaces/default/${plural}`).catch(() => null),
      ),
    );
    return served.includes(null) ? null : true;
  });
}
