import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { RouteSpec, Traffic } from '../../../core/ports/traffic.ts';
import {
  expectCode,
  freshName,
  needed,
  portOf,
  type Harness,
  type OpenHarness,
} from './harness.ts';

/** The promises of core/ports/traffic.ts. */
export function describeTrafficContract(name: string, open: OpenHarness): void {
  describe(`traffic of ${name}`, () => {
    let harness: Harness;
    let traffic: Traffic;
    const addresses = new Map<string, readonly string[]>();
    beforeAll(async () => {
      harness = await open();
      traffic = portOf(harness, 'traffic');
    });
    afterAll(() => harness.close());

    const freshRoute = async () => {
      const route = `${freshName('r').slice(0, 40)}.eu-west`;
      const upstream = needed(harness.upstream, 'upstream');
      addresses.set(route, [await upstream('v1', route), await upstream('v2', route)]);
      return route;
    };
    const addressOf = (route: string, at: number) => addresses.get(route)![at]!;
    const split = (route: string, ...weights: readonly number[]): RouteSpec => ({
      route,
      arms: weights.map((weightPercent, at) => ({
        version: `v${at + 1}`,
        address: addressOf(route, at),
        weightPercent,
      })),
      mirror: null,
      sticky: false,
    });

    it('set answers with what the proxy does, and read tells the same', async () => {
      const spec = split(await freshRoute(), 90, 10);
      const reading = await traffic.set(spec);
      expect(reading).toMatchObject({ route: spec.route, mirror: null, sticky: false });
      expect(reading.arms).toEqual(spec.arms);
      expect(reading.address).toMatch(/^(http:\/\/[^:/]+:\d+|https:\/\/)/);
      expect(await traffic.read(spec.route)).toEqual(reading);
    });

    it('set replaces the weights, 0 and 100 included', async () => {
      const route = await freshRoute();
      for (const weights of [
        [100, 0],
        [99, 1],
        [0, 100],
      ] as const) {
        const reading = await traffic.set(split(route, ...weights));
        expect(reading.arms.map((arm) => arm.weightPercent)).toEqual(weights);
      }
    });

    it('set of the same route again changes nothing', async () => {
      const spec = split(await freshRoute(), 80, 20);
      expect(await traffic.set(spec)).toEqual(await traffic.set(spec));
    });

    it.each([
      ['a sum of 99', [90, 9]],
      ['a sum of 101', [90, 11]],
      ['a negative weight', [101, -1]],
      ['a fraction', [66.7, 33.3]],
    ] as const)('set refuses %s with WEIGHT_INVALID, and the old weights stay', async (_, bad) => {
      const route = await freshRoute();
      const before = await traffic.set(split(route, 90, 10));
      await expectCode(traffic.set(split(route, ...bad)), 'WEIGHT_INVALID');
      expect(await traffic.read(route)).toEqual(before);
    });

    it('set keeps the mirror that it is given and drops it when told, or says that it cannot', async () => {
      const route = await freshRoute();
      const mirror = { version: 'v2', address: addressOf(route, 1), percent: 25 };
      const mirroring = traffic.set({ ...split(route, 100), mirror });
      if (harness.cannot?.includes('mirror')) {
        await expectCode(mirroring, 'OPERATION_UNSUPPORTED');
        return;
      }
      expect(await mirroring).toMatchObject({ mirror: { version: 'v2', percent: 25 } });
      expect(await traffic.set(split(route, 100))).toMatchObject({ mirror: null });
    });

    it('set keeps stickiness and drops it when told, or says that it cannot', async () => {
      const route = await freshRoute();
      const sticking = traffic.set({ ...split(route, 100), sticky: true });
      if (harness.cannot?.includes('sticky')) {
        await expectCode(sticking, 'OPERATION_UNSUPPORTED');
        return;
      }
      expect(await sticking).toMatchObject({ sticky: true });
      expect(await traffic.set(split(route, 100))).toMatchObject({ sticky: false });
    });

    it('set of two routes at once loses neither', async () => {
      const specs = [split(await freshRoute(), 70, 30), split(await freshRoute(), 60, 40)];
      await Promise.all(specs.map((spec) => traffic.set(spec)));
      for (const spec of specs) expect((await traffic.read(spec.route))?.arms).toEqual(spec.arms);
    });

    it('read of a route that nobody set is null', async () => {
      expect(await traffic.read(await freshRoute())).toBeNull();
    });

    it('remove takes the route away, and again changes nothing', async () => {
      const spec = split(await freshRoute(), 100);
      await traffic.set(spec);
      await traffic.remove(spec.route);
      expect(await traffic.read(spec.route)).toBeNull();
      await traffic.remove(spec.route);
    });
  });
}
