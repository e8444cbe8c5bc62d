import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { KubernetesClient } from '../../../backends/connections/kubernetes/client.ts';
import { conditionOf } from '../../../backends/connections/kubernetes/objects.ts';
import type {
  Condition,
  KubernetesObject,
} from '../../../backends/connections/kubernetes/objects.ts';
import { until } from '../../support/until.ts';
import type { Layout } from './control-plane.ts';
import type { InstalledTools } from './go-tools.ts';
import { apply, manifestsIn, onLoopback } from './manifests.ts';
import type { Manifest } from './manifests.ts';

const NODES = 3;
const ESTABLISHED_MS_MAX = 60_000;

interface Definition extends KubernetesObject {
  readonly status?: { readonly conditions?: readonly Condition[] };
}

/** Nodes, CRDs, webhooks and runtimes of Trainer and JobSet, from the modules that were built. */
export async function furnish(
  client: KubernetesClient,
  layout: Layout,
  { manifests }: InstalledTools,
) {
  const from = (path: string) => manifestsIn(join(manifests, path));
  for (let at = 0; at < NODES; at += 1) {
    const metadata = { name: `node-${at}`, labels: { type: 'kwok' } };
    await apply(client, { apiVersion: 'v1', kind: 'Node', metadata });
  }
  await define(client, [...(await from('trainer/crds')), ...(await from('jobset/crds'))]);
  const caBundle = await bundle(layout);
  const { trainer, jobset } = layout.ports;
  await hook(client, await from('trainer/webhooks'), 'trainer', { port: trainer, caBundle });
  const hooks = (await from('jobset/webhooks')).map(onPodsOfJobSetsOnly);
  await hook(client, hooks, 'jobset', { port: jobset, caBundle });
}

/** What KServe's manager needs to start: CRDs, webhooks, and its configuration for plain Deployments. */
export async function furnishKserve(
  client: KubernetesClient,
  layout: Layout,
  { manifests }: InstalledTools,
) {
  const from = (path: string) => manifestsIn(join(manifests, path));
  const crds = [...(await from('crds')), ...(await from('gateway-api'))];
  await define(client, crds.filter(isComplete));
  await apply(client, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'kserve' } });
  for (const manifest of await from('configmap.yaml')) {
    const metadata = { name: manifest.metadata.name, namespace: 'kserve' };
    const data = { ...(manifest['data'] as Record<string, string>), ...KSERVE_CONFIGURATION };
    await apply(client, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data });
  }
  for (const manifest of await from('storage-container.yaml')) await apply(client, manifest);
  const { kserve } = layout.ports;
  await hook(client, await from('webhooks.yaml'), 'kserve', {
    port: kserve,
    caBundle: await bundle(layout),
  });
}

/** Plain Deployments behind Gateway API routes, which nothing serves here: tests set their status. */
const KSERVE_CONFIGURATION = {
  deploy: JSON.stringify({ defaultDeploymentMode: 'RawDeployment' }),
  ingress: JSON.stringify({
    enableGatewayApi: true,
    kserveIngressGateway: 'kserve/kserve-ingress-gateway',
    ingressGateway: 'knative-serving/knative-ingress-gateway',
    localGateway: 'knative-serving/knative-local-gateway',
    localGatewayService: 'knative-local-gateway.istio-system.svc.cluster.local',
    ingressDomain: 'example.com',
    ingressClassName: 'istio',
    domainTemplate: '{{ .Name }}-{{ .Namespace }}.{{ .IngressDomain }}',
    urlScheme: 'http',
    disableIstioVirtualHost: true,
    disableIngressCreation: false,
  }),
};

/** Folders of CRDs hold patches for kustomize too, which lack what they patch. */
function isComplete(manifest: Manifest): boolean {
  return (
    manifest.kind === 'CustomResourceDefinition' && 'names' in ((manifest['spec'] ?? {}) as object)
  );
}

/** As the patch in JobSet's own `config/components/webhook` narrows its webhooks for pods. */
function onPodsOfJobSetsOnly(manifest: Manifest): Manifest {
  const key = 'jobset.sigs.k8s.io/jobset-name';
  const webhooks = (manifest['webhooks'] as readonly { readonly name: string }[]).map((webhook) =>
    webhook.name.endsWith('pod.kb.io')
      ? { ...webhook, objectSelector: { matchExpressions: [{ key, operator: 'Exists' }] } }
      : webhook,
  );
  return { ...manifest, webhooks };
}

async function define(client: KubernetesClient, crds: readonly Manifest[]): Promise<void> {
  for (const crd of crds) await apply(client, crd);
  for (const { metadata } of crds) {
    const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${metadata.name}`;
    const ask = async () => {
      const definition = await client.get<Definition>(path);
      return conditionOf(definition?.status?.conditions, 'Established') ?? null;
    };
    await until(`${metadata.name} is established`, ask, ESTABLISHED_MS_MAX);
  }
}

async function hook(
  client: KubernetesClient,
  manifests: readonly Manifest[],
  owner: string,
  at: { readonly port: number; readonly caBundle: string },
): Promise<void> {
  for (const [number, manifest] of manifests.entries()) {
    const kind = manifest.kind.startsWith('Mutating') ? 'defaulter' : 'validator';
    await apply(client, onLoopback(manifest, `${kind}-${number}.${owner}.test`, at));
  }
}

async function bundle({ certificates }: Layout): Promise<string> {
  return (await readFile(certificates.ca)).toString('base64');
}
