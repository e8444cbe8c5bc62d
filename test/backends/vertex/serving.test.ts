import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';

import { IN_TOTO_PAYLOAD_TYPE, releaseStatement } from '../../../core/evidence/dsse.ts';
import type { DeploySpec } from '../../../core/ports/serving.ts';
import { endpointName } from '../../../backends/vertex/endpoint-names.ts';
import { vertexSettings } from '../../../backends/vertex/settings.ts';
import { expectCode, freshName } from '../../support/contract/harness.ts';
import { openVertex } from './opened.ts';
import type { Opened } from './opened.ts';

const same = <T>(api: T) => api;

describe('serving and traffic of vertex', () => {
  let opened: Opened;
  beforeAll(async () => {
    opened = await openVertex();
  });
  afterEach(() => {
    opened.double.wire.decide = () => null;
    pace({ operationMs: 20 });
  });
  afterAll(() => opened.close());

  const pace = (change: { readonly operationMs: number }) => {
    const { world } = opened.double;
    world.script = { ...world.script, stockOut: null, pace: { ...world.script.pace, ...change } };
  };
  const specFor = async (route: string, version: string): Promise<DeploySpec> => {
    const [model = '', region = ''] = route.split('.');
    const bytes = Buffer.from(JSON.stringify({ model, version }));
    const modelRef = await opened.ports.artifacts.put(bytes);
    const statement = releaseStatement({
      modelSha256: modelRef.sha256,
      model,
      version,
      author: 'ada',
      workflowId: `lifecycle/${model}/${version}`,
      reportSha256: 'b'.repeat(64),
      dataSha256: 'c'.repeat(64),
    });
    const payload = Buffer.from(JSON.stringify(statement));
    const envelope = await opened.signer.sign(IN_TOTO_PAYLOAD_TYPE, payload);
    return { key: `${route}.${version}`, model, version, region, modelRef, envelope };
  };
  const freshRoute = () => `${freshName('m').slice(0, 40)}.eu-west`;
  const endpointOf = (route: string) =>
    opened.double.world.endpoints.get(endpointName(vertexSettings.parse(opened.settings), route));
  const deployments = (method: string) =>
    opened.double.wire.calls.filter((call) => call.method === method).length;

  it('a deployment that its caller abandoned is found by name and finished by a fresh client', async () => {
    const route = freshRoute();
    const spec = await specFor(route, 'v1');
    // The first caller gives up as soon as the far side has taken the deployment.
    const first = opened.another((api) => ({
      ...api,
      endpoints: {
        ...api.endpoints,
        deploy: async (endpoint, model) => {
          pace({ operationMs: 3000 });
          await api.endpoints.deploy(endpoint, model);
          throw new Error('the worker dies here');
        },
      },
    }));
    await expect(first.serving.deploy(spec)).rejects.toThrow('dies here');
    const before = deployments('EndpointService.DeployModel');
    expect((await opened.ports.serving.read(spec.key)).phase).toBe('starting');
    const fresh = opened.another(same);
    const reading = await fresh.serving.deploy(spec);
    expect(reading.phase).toBe('ready');
    expect(endpointOf(route).message['deployedModels']).toHaveLength(1);
    // The second caller met the first one's operation and made no other deployment.
    const operations = [...opened.double.world.operations.keys()].filter((name) =>
      name.startsWith(`${endpointOf(route).name}/`),
    );
    expect(operations).toHaveLength(2);
    expect(deployments('EndpointService.DeployModel')).toBe(before + 1);
  });

  it('undeploy waits for a deployment that a dead caller has started, and leaves nothing', async () => {
    const route = freshRoute();
    const spec = await specFor(route, 'v1');
    const first = opened.another((api) => ({
      ...api,
      endpoints: {
        ...api.endpoints,
        deploy: async (endpoint, model) => {
          pace({ operationMs: 300 });
          await api.endpoints.deploy(endpoint, model);
          throw new Error('the worker dies here');
        },
      },
    }));
    await expect(first.serving.deploy(spec)).rejects.toThrow('dies here');
    await opened.ports.serving.undeploy(spec.key);
    expect(endpointOf(route).message['deployedModels']).toEqual([]);
  });

  it('an upload whose reply was lost is adopted', async () => {
    const spec = await specFor(freshRoute(), 'v1');
    opened.double.wire.decide = ({ method, nth }) =>
      method === 'ModelService.UploadModel' && nth > 0
        ? { kind: 'refuse-after', status: 'UNAVAILABLE', told: 'reset' }
        : null;
    await expectCode(opened.ports.serving.deploy(spec), 'BACKEND_UNAVAILABLE');
    opened.double.wire.decide = () => null;
    expect((await opened.ports.serving.deploy(spec)).phase).toBe('ready');
  });

  it('a new version gets no traffic before the route says so', async () => {
    const route = freshRoute();
    const { serving, traffic } = opened.ports;
    const v1 = await serving.deploy(await specFor(route, 'v1'));
    const arms = [{ version: 'v1', address: v1.address ?? '', weightPercent: 100 }];
    await traffic.set({ route, arms, mirror: null, sticky: false });
    await serving.deploy(await specFor(route, 'v2'));
    expect((await traffic.read(route))?.arms).toEqual(arms);
  });

  it('undeploy of a version that still has traffic beside another is ORDER_REFUSED', async () => {
    const route = freshRoute();
    const { serving, traffic } = opened.ports;
    const addresses: string[] = [];
    for (const version of ['v1', 'v2']) {
      addresses.push((await serving.deploy(await specFor(route, version))).address ?? '');
    }
    const split = (one: number) =>
      [one, 100 - one].map((weightPercent, at) => ({
        version: `v${at + 1}`,
        address: addresses[at]!,
        weightPercent,
      }));
    await traffic.set({ route, arms: split(90), mirror: null, sticky: false });
    await expectCode(serving.undeploy(`${route}.v2`), 'ORDER_REFUSED');
    await traffic.set({ route, arms: split(100), mirror: null, sticky: false });
    await serving.undeploy(`${route}.v2`);
    expect((await traffic.read(route))?.arms).toEqual(split(100).slice(0, 1));
    await traffic.remove(route);
    await serving.undeploy(`${route}.v1`);
    expect((await serving.read(`${route}.v1`)).phase).toBe('gone');
  });

  it('set whose endpoint was changed meanwhile reads it again and succeeds', async () => {
    const route = freshRoute();
    const v1 = await opened.ports.serving.deploy(await specFor(route, 'v1'));
    let once = true;
    const late = opened.another((api) => ({
      ...api,
      endpoints: {
        ...api.endpoints,
        update: async (endpoint, paths) => {
          const stale = once ? { ...endpoint, etag: '0' } : endpoint;
          once = false;
          return api.endpoints.update(stale, paths);
        },
      },
    }));
    const arms = [{ version: 'v1', address: v1.address ?? '', weightPercent: 100 }];
    expect((await late.traffic.set({ route, arms, mirror: null, sticky: false })).arms).toEqual(
      arms,
    );
    expect(once).toBe(false);
  });

  it('set to a server of another route is REQUEST_INVALID', async () => {
    const v1 = await opened.ports.serving.deploy(await specFor(freshRoute(), 'v1'));
    const arms = [{ version: 'v1', address: v1.address ?? '', weightPercent: 100 }];
    const spec = { route: freshRoute(), arms, mirror: null, sticky: false };
    await expectCode(opened.ports.traffic.set(spec), 'REQUEST_INVALID');
  });

  it('deploy without a free machine is CAPACITY_MISSING, in the far side’s words', async () => {
    const { world } = opened.double;
    world.script = { ...world.script, stockOut: 'STOCKOUT: n1-standard-2 in europe-west4' };
    const deploying = opened.ports.serving.deploy(await specFor(freshRoute(), 'v1'));
    await expectCode(deploying, 'CAPACITY_MISSING');
    await expect(deploying).rejects.toThrow('STOCKOUT: n1-standard-2');
  });
});
