import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';

import { routeObject } from '../../../backends/kubeflow/kserve/names.ts';
import type { InferenceService } from '../../../backends/kubeflow/kserve/objects.ts';
import { readPlatform } from '../../../backends/kubeflow/kserve/platform.ts';
import { createServing } from '../../../backends/kubeflow/serving.ts';
import { createTraffic } from '../../../backends/kubeflow/traffic.ts';
import type { RouteSpec } from '../../../core/ports/traffic.ts';
import { expectCode, freshName } from '../../support/contract/harness.ts';
import { until } from '../../support/until.ts';
import { playWeigher, type PlayedWeigher } from './kserve/weigher.ts';
import { openKserveWorld, type KserveWorld } from './kserve/world.ts';

// Controllers of a machine under load take their time.
jest.setTimeout(180_000);

describe('KServe with spec.canary', () => {
  let world: KserveWorld;
  let weigher: PlayedWeigher;
  beforeAll(async () => {
    // The controller that runs is 0.20.0, which we refuse: `weigher.ts` makes it a later one.
    world = await openKserveWorld({ split: 'auto', controller: { version: '0.20.1' } });
    weigher = playWeigher(world.client);
  });
  afterAll(async () => {
    await weigher.close();
    await world.close();
  });

  const freshRoute = () => `${freshName('c').slice(0, 40)}.eu`;
  const deploy = async (route: string, version: string) =>
    world.serving.deploy(await world.specFor(route, version));
  const undeploy = (route: string, version: string) =>
    world.serving.undeploy(`${route}.${version}`);
  const split = async (
    route: string,
    weights: Readonly<Record<string, number>>,
  ): Promise<RouteSpec> => ({
    route,
    arms: await Promise.all(
      Object.entries(weights).map(async ([version, weightPercent]) => {
        const { address } = await world.serving.read(`${route}.${version}`);
        return { version, address: address ?? '', weightPercent };
      }),
    ),
    mirror: null,
    sticky: false,
  });
  const set = async (route: string, weights: Readonly<Record<string, number>>) =>
    world.traffic.set(await split(route, weights));
  const weightsOf = async (route: string) => {
    const reading = await until(`a gateway takes ${route}`, async () =>
      world.traffic.read(route).catch(() => null),
    );
    return Object.fromEntries(
      reading.arms.map(({ version, weightPercent }) => [version, weightPercent]),
    );
  };
  const objectOf = async (route: string) => {
    const { namespace } = world.client;
    const name = routeObject(route, namespace);
    return world.client.get<InferenceService>(
      `/apis/serving.kserve.io/v1beta1/namespaces/${namespace}/inferenceservices/${name}`,
    );
  };

  it('is what auto chooses where the served CRD has it, and 0.20.0 is refused', async () => {
    expect((await readPlatform(world.client, world.settings)).split).toBe('canaries');
    const controller = { ...world.settings.controller, version: '0.20.0' };
    const settings = { ...world.settings, controller };
    await expectCode(readPlatform(world.client, settings), 'VERSION_UNSUPPORTED');
  });

  it('deploy makes a canary without traffic, set shares it, and the stable version promotes it', async () => {
    const route = freshRoute();
    await deploy(route, 'v1');
    expect(await weightsOf(route)).toEqual({ v1: 100 });
    expect(await deploy(route, 'v2')).toMatchObject({ phase: 'ready', version: 'v2' });
    expect(await weightsOf(route)).toEqual({ v1: 100, v2: 0 });
    await set(route, { v1: 90, v2: 10 });
    expect(await weightsOf(route)).toEqual({ v1: 90, v2: 10 });
    await expectCode(undeploy(route, 'v1'), 'OPERATION_UNSUPPORTED');
    await set(route, { v1: 0, v2: 100 });
    const pods = await world.client.list('/api/v1/namespaces/' + world.client.namespace + '/pods');
    const before = pods.items.map(({ metadata }) => metadata.uid);
    await undeploy(route, 'v1');
    const service = await objectOf(route);
    expect(service?.spec.canary ?? []).toEqual([]);
    expect(service?.spec.predictor.annotations?.['orrery-version']).toBe('v2');
    expect(await weightsOf(route)).toEqual({ v2: 100 });
    expect(await world.serving.read(`${route}.v2`)).toMatchObject({ phase: 'ready' });
    // The canary's own servers go on: no pod was made for the promotion.
    const after = await world.client.list('/api/v1/namespaces/' + world.client.namespace + '/pods');
    expect(after.items.every(({ metadata }) => before.includes(metadata.uid))).toBe(true);
    await undeploy(route, 'v2');
    expect(await objectOf(route)).toBeNull();
  });

  it('undeploy of a canary gives its share back to the stable version', async () => {
    const route = freshRoute();
    await deploy(route, 'v1');
    await deploy(route, 'bad');
    await set(route, { v1: 70, bad: 30 });
    await undeploy(route, 'bad');
    expect((await world.serving.read(`${route}.bad`)).phase).toBe('gone');
    expect(await weightsOf(route)).toEqual({ v1: 100 });
  });

  it('set reads the split from the route: a canary that is not ready gets nothing', async () => {
    const route = freshRoute();
    await deploy(route, 'v1');
    const stuck = { ...world.settings, runtime: 'never-ready', readySecondsMax: 2 };
    const serving = createServing(world.client, stuck);
    await expectCode(serving.deploy(await world.specFor(route, 'v2')), 'DEPLOY_FAILED');
    const impatient = createTraffic(world.client, { ...world.settings, routeSecondsMax: 2 });
    const shifting = impatient.set(await split(route, { v1: 50, v2: 50 }));
    await expect(shifting).rejects.toThrow(
      /not ready: v[0-9a-f]{10}, .*stays with the stable version/,
    );
    expect(await weightsOf(route)).toEqual({ v1: 100, v2: 0 });
    expect((await objectOf(route))?.spec.canary?.[0]?.trafficPercent).toBe(0);
  });

  it('deploy of the same key with another file is NAME_TAKEN', async () => {
    const route = freshRoute();
    await deploy(route, 'v1');
    await expectCode(world.serving.deploy(await world.specFor(route, 'v1', 'else')), 'NAME_TAKEN');
  });

  it('remove takes the route away, and the next deployment serves again', async () => {
    const route = freshRoute();
    await deploy(route, 'v1');
    await world.traffic.remove(route);
    expect(await world.traffic.read(route)).toBeNull();
    await world.traffic.remove(route);
    await deploy(route, 'v1');
    expect(await weightsOf(route)).toEqual({ v1: 100 });
  });
});
