import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { KubernetesClient } from '../../../backends/connections/kubernetes/client.ts';

/** An object as its YAML has it. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly [member: string]: unknown;
}

/** Plurals of what we apply; the API server would tell them, at a request for each group. */
const PLURALS: Readonly<Record<string, string>> = {
  ClusterStorageContainer: 'clusterstoragecontainers',
  ClusterTrainingRuntime: 'clustertrainingruntimes',
  ConfigMap: 'configmaps',
  CustomResourceDefinition: 'customresourcedefinitions',
  MutatingWebhookConfiguration: 'mutatingwebhookconfigurations',
  Namespace: 'namespaces',
  Node: 'nodes',
  ValidatingWebhookConfiguration: 'validatingwebhookconfigurations',
};

/** All objects of a YAML file, or of the YAML files of a folder and its folders. */
export async function manifestsIn(path: string): Promise<readonly Manifest[]> {
  if (path.endsWith('.yaml')) return parseManifests(await readFile(path, 'utf8'));
  const names = (await readdir(path, { recursive: true })).toSorted();
  const files = names.filter(
    (name) => name.endsWith('.yaml') && !name.endsWith('kustomization.yaml'),
  );
  return (await Promise.all(files.map((name) => manifestsIn(join(path, name))))).flat();
}

export function parseManifests(text: string): readonly Manifest[] {
  return parseAllDocuments(text)
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest) => manifest !== null && typeof manifest.kind === 'string') as Manifest[];
}

/** Server-side apply: makes it so, however often. */
export async function apply(client: KubernetesClient, manifest: Manifest): Promise<void> {
  const { apiVersion, kind, metadata } = manifest;
  const plural = PLURALS[kind];
  if (plural === undefined) throw new Error(`Cannot apply ${kind}: its plural is not listed`);
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const scope = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`;
  const path = `${root}${scope}/${plural}/${metadata.name}`;
  if ((await client.patch(path, 'apply', manifest)) === null) {
    throw new Error(`Cannot apply ${kind} ${metadata.name}: nothing takes it at ${path}`);
  }
}

interface Webhook {
  readonly clientConfig: { readonly service: { readonly path: string } };
}

/**
 * A webhook configuration with the service in it replaced by an address on loopback, and a name of
 * its own: generated ones of all projects are called alike.
 */
export function onLoopback(
  manifest: Manifest,
  name: string,
  { port, caBundle }: { readonly port: number; readonly caBundle: string },
): Manifest {
  const webhooks = (manifest['webhooks'] as readonly Webhook[]).map((webhook) => ({
    ...webhook,
    clientConfig: {
      url: `https://127.0.0.1:${port}${webhook.clientConfig.service.path}`,
      caBundle,
    },
  }));
  return { ...manifest, metadata: { name }, webhooks };
}
