import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { connectKubernetes } from '../../../backends/connections/kubernetes/client.ts';
import { kubernetesSettings } from '../../../backends/connections/kubernetes/settings.ts';
import { checkKserve } from '../../../backends/kubeflow/kserve/check.ts';
import { versionObject } from '../../../backends/kubeflow/kserve/names.ts';
import { readPlatform } from '../../../backends/kubeflow/kserve/platform.ts';
import type { KserveSettings } from '../../../backends/kubeflow/kserve/settings.ts';
import { createServing } from '../../../backends/kubeflow/serving.ts';
import { createTraffic } from '../../../backends/kubeflow/traffic.ts';
import type { RouteSpec } from '../../../core/ports/traffic.ts';
import { expectCode, freshName } from '../../support/contract/harness.ts';
import { ensureKubernetes } from '../kubernetes/running.ts';
import { openKserveWorld, type KserveWorld } from './kserve/world.ts';

// Controllers of a machine under load take their time.
jest.setTimeout(180_000);

describe('KServe behind an HTTPRoute of ours', () => {
  let world: KserveWorld;
  const route = `${freshName('h').slice(0, 40)}.eu`;
  const addresses: string[] = [];
  beforeAll(async () => {
    world = await openKserveWorld({ split: 'http-route' });
    const specs = await Promise.all(['v1', 'v2'].map((version) => world.specFor(route, version)));
    const readings = await Promise.all(specs.map((spec) => world.serving.deploy(spec)));
    addresses.push(...readings.map(({ address }) => address ?? ''));
  });
  afterAll(() => world.close());

  const split = (name: string, ...weights: readonly number[]): RouteSpec => ({
    route: name,
    arms: weights.map((weightPercent, at) => ({
      version: `v${at + 1}`,
      address: addresses[at]!,
      weightPercent,
    })),
    mirror: null,
    sticky: false,
  });
  const changed = (changes: Partial<KserveSettings>) => ({ ...world.settings, ...changes });
  const freshRoute = () => `${freshName('h').slice(0, 40)}.eu`;

  it('set that the gateway refuses is PROXY_REFUSED in its words, and the old weights stay', async () => {
    const name = freshRoute();
    const before = await world.traffic.set(split(name, 90, 10));
    world.gateway.manner = 'refuses';
    const refused = world.traffic.set(split(name, 50, 50));
    await expect(refused).rejects.toThrow(/NotAllowedByListeners: the listener takes no such/);
    await expectCode(refused, 'PROXY_REFUSED');
    world.gateway.manner = 'accepts';
    expect(await world.traffic.set(split(name, 90, 10))).toEqual(before);
  });

  it('read of weights that no gateway has taken is an error, never what was asked for', async () => {
    const name = freshRoute();
    const impatient = createTraffic(world.client, changed({ routeSecondsMax: 1 }));
    await world.traffic.set(split(name, 90, 10));
    world.gateway.manner = 'sleeps';
    await expectCode(impatient.set(split(name, 0, 100)), 'PROXY_REFUSED');
    await expectCode(impatient.read(name), 'PROXY_REFUSED');
    world.gateway.manner = 'accepts';
    expect((await world.traffic.set(split(name, 80, 20))).arms[1]?.weightPercent).toBe(20);
  });

  it('set of a version whose servers are gone is PROXY_REFUSED, and a first route leaves none', async () => {
    const name = freshRoute();
    const { namespace } = world.client;
    const gone = { version: 'v9', address: `isvc://${namespace}/m-gone`, weightPercent: 100 };
    const refused = world.traffic.set({ ...split(name), arms: [gone] });
    await expect(refused).rejects.toThrow(/BackendNotFound: there is no Service m-gone-predictor/);
    expect(await world.traffic.read(name)).toBeNull();
  });

  it('set keeps a mirror of less than a percent', async () => {
    const name = freshRoute();
    const mirror = { version: 'v2', address: addresses[1]!, percent: 0.25 };
    const reading = await world.traffic.set({ ...split(name, 100), mirror });
    expect(reading.mirror).toEqual({ version: 'v2', percent: 0.25 });
  });

  it('set without the Gateway of the settings is SETTINGS_INVALID and changes nothing', async () => {
    const name = freshRoute();
    const gateway = { ...world.settings.gateway!, name: 'elsewhere' };
    const traffic = createTraffic(world.client, changed({ gateway }));
    await expectCode(traffic.set(split(name, 100)), 'SETTINGS_INVALID');
    expect(await world.traffic.read(name)).toBeNull();
  });

  it('deploy whose servers never come up is DEPLOY_FAILED, and undeploy takes them away', async () => {
    const serving = createServing(
      world.client,
      changed({ runtime: 'never-ready', readySecondsMax: 3 }),
    );
    const spec = await world.specFor(freshRoute(), 'v1');
    await expectCode(serving.deploy(spec), 'DEPLOY_FAILED');
    expect((await serving.read(spec.key)).phase).not.toBe('ready');
    await serving.undeploy(spec.key);
    expect((await serving.read(spec.key)).phase).toBe('gone');
  });

  it('deploy with a runtime that nobody has is SPEC_REJECTED in the words of KServe', async () => {
    const serving = createServing(world.client, changed({ runtime: 'unheard-of' }));
    const refused = serving.deploy(await world.specFor(freshRoute(), 'v1'));
    await expect(refused).rejects.toThrow(/RuntimeNotRecognized/);
    await expectCode(refused, 'SPEC_REJECTED');
  });

  it('deploy under the name of a stranger’s InferenceService is NAME_TAKEN', async () => {
    const spec = await world.specFor(freshRoute(), 'v1');
    const { namespace } = world.client;
    const name = versionObject(spec.key, namespace);
    const path = `/apis/serving.kserve.io/v1beta1/namespaces/${namespace}/inferenceservices`;
    await world.client.create(path, {
      apiVersion: 'serving.kserve.io/v1beta1',
      kind: 'InferenceService',
      metadata: { name, namespace },
      spec: {
        predictor: {
          model: { modelFormat: { name: 'onnx' }, storageUri: 's3://theirs/m', runtime: 'played' },
        },
      },
    });
    await expectCode(world.serving.deploy(spec), 'NAME_TAKEN');
    await expectCode(world.serving.undeploy(spec.key), 'NAME_TAKEN');
    expect(await world.client.get(`${path}/${name}`)).not.toBeNull();
  });

  it('deploy of a file that was put aside is ARTIFACT_MISSING, and none is made', async () => {
    const spec = await world.specFor(freshRoute(), 'v1');
    const modelRef = { ...spec.modelRef, uri: `${spec.modelRef.uri}.gone` };
    await expectCode(world.serving.deploy({ ...spec, modelRef }), 'ARTIFACT_MISSING');
    expect((await world.serving.read(spec.key)).phase).toBe('gone');
  });

  it('deploy without the permission is ACCESS_DENIED, and check says what is missing', async () => {
    const cluster = await ensureKubernetes();
    const client = nobody(world, cluster);
    const serving = createServing(client, changed({}));
    await expectCode(serving.deploy(await world.specFor(freshRoute(), 'v1')), 'ACCESS_DENIED');
    const findings = await checkKserve(client, world.settings);
    expect(findings.find(({ subject }) => subject === 'permissions')).toMatchObject({
      state: 'missing',
      told: expect.stringContaining('create serving.kserve.io/inferenceservices'),
    });
    await client.close();
  });

  it('check finds nothing missing where all is there', async () => {
    const findings = await checkKserve(world.client, world.settings);
    expect(findings.map(({ state }) => state)).toEqual(['ok', 'ok', 'ok']);
  });

  it('a controller of KServe 0.20.0 is refused, by the tag of its image', async () => {
    await deployController(world, 'kserve/kserve-controller:v0.20.0');
    const { namespace } = world.client;
    const controller = { namespace, deployment: 'kserve-controller-manager' };
    const settings = changed({ controller });
    await expectCode(readPlatform(world.client, settings), 'VERSION_UNSUPPORTED');
    const serving = createServing(world.client, settings);
    await expectCode(serving.read('any'), 'VERSION_UNSUPPORTED');
  });
});

/** A client of a user without rights. */
function nobody(world: KserveWorld, cluster: Awaited<ReturnType<typeof ensureKubernetes>>) {
  const kubeconfig = join(world.home, 'nobody.kubeconfig');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'c',
        cluster: { server: cluster.server, 'certificate-authority': cluster.certificates.ca },
      },
    ],
    users: [{ name: 'u', user: { token: cluster.tokens.nobody } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  };
  writeFileSync(kubeconfig, JSON.stringify(config), { mode: 0o600 });
  const { namespace } = world.client;
  return connectKubernetes(kubernetesSettings.parse({ kubeconfig, namespace }));
}

/** The Deployment of a controller, which runs none: its image is what is read. */
async function deployController({ client }: KserveWorld, image: string): Promise<void> {
  const labels = { app: 'controller' };
  await client.create(`/apis/apps/v1/namespaces/${client.namespace}/deployments`, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'kserve-controller-manager', namespace: client.namespace },
    spec: {
      replicas: 0,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'manager', image }] } },
    },
  });
}
