import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import type { KubernetesClient } from '../../../../backends/connections/kubernetes/client.ts';
import { kserveSettings } from '../../../../backends/kubeflow/kserve/settings.ts';
import type { KserveSettings } from '../../../../backends/kubeflow/kserve/settings.ts';
import { createServing } from '../../../../backends/kubeflow/serving.ts';
import { createTraffic } from '../../../../backends/kubeflow/traffic.ts';
import { createArtifacts } from '../../../../backends/local/artifacts.ts';
import { ensureKeys } from '../../../../backends/local/keys.ts';
import { createSigner } from '../../../../backends/local/signer.ts';
import { IN_TOTO_PAYLOAD_TYPE, releaseStatement } from '../../../../core/evidence/dsse.ts';
import type { Artifacts } from '../../../../core/ports/artifacts.ts';
import type { DeploySpec, Serving } from '../../../../core/ports/serving.ts';
import type { Signer } from '../../../../core/ports/signer.ts';
import type { Traffic } from '../../../../core/ports/traffic.ts';
import { adminClient, ensureKubernetes } from '../../kubernetes/running.ts';
import { playGateway, type PlayedGateway } from './gateway.ts';

/** A namespace with what an installation of KServe brings, and our ports on it. */
export interface KserveWorld {
  readonly client: KubernetesClient;
  readonly kubeconfig: string;
  /** A folder for files of the test. */
  readonly home: string;
  readonly settings: KserveSettings;
  readonly serving: Serving;
  readonly traffic: Traffic;
  readonly artifacts: Artifacts;
  readonly signer: Signer;
  readonly gateway: PlayedGateway;
  /** A deployment of a signed file whose content is the version. */
  specFor(route: string, version: string, content?: string): Promise<DeploySpec>;
  close(): Promise<void>;
}

export const DOMAIN = 'models.example.com';
const GATEWAY = 'models';
let worlds = 0;

export async function openKserveWorld(changes: object = {}): Promise<KserveWorld> {
  const cluster = await ensureKubernetes();
  worlds += 1;
  const namespace = `ks-${process.pid}-${Date.now().toString(36)}-${worlds}`;
  const client = adminClient(cluster, namespace);
  await client.create('/api/v1/namespaces', { metadata: { name: namespace } });
  await furnishNamespace(client);
  const home = await mkdtemp(join(tmpdir(), 'orrery-kserve-'));
  const keys = await ensureKeys(home, []);
  const settings = kserveSettings.parse({
    trustedKeys: [keys.signerPublic],
    stores: [{ uri: `${pathToFileURL(home).href}/`, pullFrom: 's3://models/' }],
    runtime: 'played',
    gateway: { namespace, name: GATEWAY, domain: DOMAIN },
    readySecondsMax: 60,
    routeSecondsMax: 30,
    ...changes,
  });
  const artifacts = createArtifacts({ home });
  const signer = createSigner({ home });
  const gateway = playGateway(client);
  return {
    client,
    kubeconfig: cluster.kubeconfig,
    home,
    settings,
    artifacts,
    signer,
    gateway,
    serving: createServing(client, settings),
    traffic: createTraffic(client, settings),
    specFor: (route, version, content = version) =>
      signedSpec({ artifacts, signer }, route, version, content),
    async close() {
      await gateway.close();
      await client.remove(`/api/v1/namespaces/${namespace}`);
      await client.close();
      await rm(home, { recursive: true, force: true });
    },
  };
}

/** A runtime whose pods KWOK plays, and the Gateway that routes attach to. */
async function furnishNamespace(client: KubernetesClient): Promise<void> {
  const { namespace } = client;
  // A node with a thousand CPUs is nowhere, so pods of the second runtime are never scheduled.
  for (const [name, cpu] of [
    ['played', '100m'],
    ['never-ready', '1000'],
  ] as const) {
    const container = {
      name: 'kserve-container',
      image: 'played/onnx:1',
      resources: { requests: { cpu }, limits: { cpu } },
    };
    await client.create(
      `/apis/serving.kserve.io/v1alpha1/namespaces/${namespace}/servingruntimes`,
      {
        apiVersion: 'serving.kserve.io/v1alpha1',
        kind: 'ServingRuntime',
        metadata: { name, namespace },
        spec: {
          supportedModelFormats: [{ name: 'onnx', version: '1', autoSelect: true }],
          protocolVersions: ['v2'],
          containers: [container],
        },
      },
    );
  }
  await client.create(`/apis/gateway.networking.k8s.io/v1/namespaces/${namespace}/gateways`, {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    metadata: { name: GATEWAY, namespace },
    spec: {
      gatewayClassName: 'played',
      listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }],
    },
  });
}

async function signedSpec(
  { artifacts, signer }: Pick<KserveWorld, 'artifacts' | 'signer'>,
  route: string,
  version: string,
  content: string,
): Promise<DeploySpec> {
  const [model = '', region = ''] = route.split('.');
  const modelRef = await artifacts.put(new TextEncoder().encode(content));
  const statement = releaseStatement({
    modelSha256: modelRef.sha256,
    model,
    version,
    author: 'ada',
    workflowId: `lifecycle/${model}/${version}`,
    reportSha256: 'b'.repeat(64),
    dataSha256: 'c'.repeat(64),
  });
  const payload = new TextEncoder().encode(JSON.stringify(statement));
  const envelope = await signer.sign(IN_TOTO_PAYLOAD_TYPE, payload);
  return { key: `${route}.${version}`, model, version, region, modelRef, envelope };
}
