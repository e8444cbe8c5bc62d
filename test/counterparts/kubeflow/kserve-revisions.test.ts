import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';

import type { InferenceService } from '../../../backends/kubeflow/kserve/objects.ts';
import { createTraffic } from '../../../backends/kubeflow/traffic.ts';
import { routeObject } from '../../../backends/kubeflow/kserve/names.ts';
import type { RouteSpec } from '../../../core/ports/traffic.ts';
import { expectCode, freshName } from '../../support/contract/harness.ts';
import { until } from '../../support/until.ts';
import { playKnative, type PlayedKnative } from './kserve/knative.ts';
import { openKserveWorld, type KserveWorld } from './kserve/world.ts';

// Controllers of a machine under load take their time.
jest.setTimeout(180_000);

describe('KServe in Knative mode', () => {
  let world: KserveWorld;
  let knative: PlayedKnative;
  beforeAll(async () => {
    world = await openKserveWorld({ split: 'revisions' });
    knative = await playKnative(world.client);
  });
  afterAll(async () => {
    await knative.close();
    await world.close();
  });

  const freshRoute = () => `${freshName('k').slice(0, 40)}.eu`;
  const deploy = async (route: string, version: string) =>
    world.serving.deploy(await world.specFor(route, version));
  const undeploy = (route: string, version: string) =>
    world.serving.undeploy(`${route}.${version}`);
  /** A split by version, of versions that are deployed. */
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
    const reading = await world.traffic.read(route);
    return Object.fromEntries(
      (reading?.arms ?? []).map(({ version, weightPercent }) => [version, weightPercent]),
    );
  };
  const objectOf = async (route: string) => {
    const { namespace } = world.client;
    const name = routeObject(route, namespace);
    return world.client.get<InferenceService>(
      `/apis/serving.kserve.io/v1beta1/namespaces/${namespace}/inferenceservices/${name}`,
    );
  };

  it('deploy of a second version gives it no traffic, and set shares it', async () => {
    const route = freshRoute();
    await deploy(route, 'v1');
    expect(await weightsOf(route)).toEqual({ v1: 100 });
    expect(await deploy(route, 'v2')).toMatchObject({ phase: 'ready', version: 'v2' });
    expect(await weightsOf(route)).toEqual({ v2: 0, v1: 100 });
    await set(route, { v1: 90, v2: 10 });
    expect(await weightsOf(route)).toEqual({ v2: 10, v1: 90 });
  });

  it('set reads the split from the status: a revision that is not ready gets nothing', async () => {
    const route = freshRoute();
    await deploy(route, 'v1');
    knative.manner = 'slow';
    const deploying = deploy(route, 'v2');
    await until('v2 is known', async () => {
      const { phase } = await world.serving.read(`${route}.v2`);
      return phase === 'starting' ? true : null;
    });
    const impatient = createTraffic(world.client, { ...world.settings, routeSecondsMax: 2 });
    await expectCode(impatient.set(await split(route, { v1: 50, v2: 50 })), 'PROXY_REFUSED');
    // The share is put back, so that it does not come into force later.
    expect((await objectOf(route))?.spec.predictor.canaryTrafficPercent).toBe(0);
    knative.manner = 'ready';
    await deploying;
    expect(await weightsOf(route)).toEqual({ v2: 0, v1: 100 });
  });

  it('set leads back from 100 % to the version before', async () => {
    const route = freshRoute();
    await deploy(route, 'v1');
    await deploy(route, 'v2');
    await set(route, { v1: 0, v2: 100 });
    expect(await weightsOf(route)).toEqual({ v2: 100, v1: 0 });
    await set(route, { v1: 100, v2: 0 });
    expect(await weightsOf(route)).toEqual({ v2: 0, v1: 100 });
  });

  it('undeploy of the newest version gives it no request on the way', async () => {
    const route = freshRoute();
    await deploy(route, 'v1');
    await deploy(route, 'bad');
    await set(route, { v1: 100, bad: 0 });
    const from = knative.history.length;
    await undeploy(route, 'bad');
    expect(knative.history.slice(from).filter((shares) => (shares['bad'] ?? 0) > 0)).toEqual([]);
    expect((await world.serving.read(`${route}.bad`)).phase).toBe('gone');
    expect(await world.serving.read(`${route}.v1`)).toMatchObject({ phase: 'ready' });
    expect(await weightsOf(route)).toEqual({ v1: 100 });
    expect((await objectOf(route))?.spec.predictor.canaryTrafficPercent).toBeUndefined();
  });

  it('undeploy of the version before promotes the newest, by taking the share away', async () => {
    const route = freshRoute();
    await deploy(route, 'v1');
    await deploy(route, 'v2');
    await set(route, { v2: 100 });
    await undeploy(route, 'v1');
    expect((await objectOf(route))?.spec.predictor.canaryTrafficPercent).toBeUndefined();
    expect(await weightsOf(route)).toEqual({ v2: 100 });
    await deploy(route, 'v3');
    expect(await weightsOf(route)).toEqual({ v3: 0, v2: 100 });
  });

  it('undeploy of the version with the traffic is refused while the other has less than all', async () => {
    const route = freshRoute();
    await deploy(route, 'v1');
    await deploy(route, 'v2');
    await set(route, { v1: 60, v2: 40 });
    await expectCode(undeploy(route, 'v1'), 'OPERATION_UNSUPPORTED');
    await expectCode(deploy(route, 'v3'), 'OPERATION_UNSUPPORTED');
    expect(await weightsOf(route)).toEqual({ v2: 40, v1: 60 });
  });

  it('deploy fails in the words of Knative, and the version before goes on', async () => {
    const route = freshRoute();
    await deploy(route, 'v1');
    knative.manner = 'fails';
    await expectCode(deploy(route, 'v2'), 'DEPLOY_FAILED');
    knative.manner = 'ready';
    expect(await world.serving.read(`${route}.v1`)).toMatchObject({ phase: 'ready' });
  });

  it('deploy of the same key with another file is NAME_TAKEN', async () => {
    const route = freshRoute();
    await deploy(route, 'v1');
    await expectCode(world.serving.deploy(await world.specFor(route, 'v1', 'else')), 'NAME_TAKEN');
  });

  it('set refuses a mirror, and read of a route without versions is null', async () => {
    const route = freshRoute();
    expect(await world.traffic.read(route)).toBeNull();
    await deploy(route, 'v1');
    const spec = await split(route, { v1: 100 });
    const mirror = { version: 'v1', address: spec.arms[0]!.address, percent: 5 };
    await expectCode(world.traffic.set({ ...spec, mirror }), 'OPERATION_UNSUPPORTED');
  });

  it('remove takes the route away, and the next deployment serves again', async () => {
    const route = freshRoute();
    await deploy(route, 'v1');
    await world.traffic.remove(route);
    expect(await world.traffic.read(route)).toBeNull();
    expect((await world.serving.read(`${route}.v1`)).phase).toBe('gone');
    await world.traffic.remove(route);
    await deploy(route, 'v1');
    expect(await weightsOf(route)).toEqual({ v1: 100 });
    await undeploy(route, 'v1');
    expect(await objectOf(route)).toBeNull();
  });
});
