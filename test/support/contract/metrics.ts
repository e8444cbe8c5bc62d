import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { ArmCounters, Metrics, MetricsQuery } from '../../../core/ports/metrics.ts';
import { freshName, needed, portOf, type Harness, type OpenHarness } from './harness.ts';

const REQUESTS = 200;
/** Readings until the source has seen the requests; sources that scrape or flush lag behind. */
const READINGS_MAX = 100;
const READING_PAUSE_MS = 100;

/** The promises of core/ports/metrics.ts. Needs the port `traffic` beside it. */
export function describeMetricsContract(name: string, open: OpenHarness): void {
  describe(`metrics of ${name}`, () => {
    let harness: Harness;
    let metrics: Metrics;
    beforeAll(async () => {
      harness = await open();
      metrics = portOf(harness, 'metrics');
    });
    afterAll(() => harness.close());

    const openRoute = async (weights: readonly [number, number]): Promise<MetricsQuery> => {
      const upstream = needed(harness.upstream, 'upstream');
      const route = `${freshName('r').slice(0, 40)}.eu-west`;
      const arms = [
        { version: 'v1', address: await upstream('v1', route), weightPercent: weights[0] },
        { version: 'v2', address: await upstream('v2', route), weightPercent: weights[1] },
      ];
      await portOf(harness, 'traffic').set({ route, arms, mirror: null, sticky: false });
      return { route, versions: ['v1', 'v2'], latencyMsMax: 1000 };
    };
    const send = async ({ route }: MetricsQuery, count: number): Promise<void> => {
      const reading = await portOf(harness, 'traffic').read(route);
      await needed(harness.sendRequests, 'sendRequests')(reading?.address ?? '', route, count);
    };
    const total = (arms: readonly ArmCounters[]) =>
      arms.reduce((sum, arm) => sum + arm.requests, 0);
    const readUntil = async (query: MetricsQuery, requests: number) => {
      for (let reading = 0; reading < READINGS_MAX; reading += 1) {
        const arms = await metrics.read(query);
        if (total(arms) >= requests) return arms;
        await harness.clock.sleep(READING_PAUSE_MS);
      }
      throw new Error(`The source has not seen ${requests} requests`);
    };

    it('read leaves out arms that it has not seen', async () => {
      const query = await openRoute([100, 0]);
      expect(await metrics.read({ ...query, versions: ['v9'] })).toEqual([]);
      await send(query, REQUESTS);
      const arms = await readUntil(query, REQUESTS / 2);
      expect(arms.filter((arm) => arm.requests > 0).map((arm) => arm.version)).toEqual(['v1']);
    });

    it('read of a route that nobody set is empty', async () => {
      const route = `${freshName('r').slice(0, 40)}.eu-west`;
      expect(await metrics.read({ route, versions: ['v1'], latencyMsMax: 1000 })).toEqual([]);
    });

    it('read counts both arms, and counts only grow within an epoch', async () => {
      const query = await openRoute([50, 50]);
      await send(query, REQUESTS);
      const before = await readUntil(query, REQUESTS / 2);
      expect(before.map((arm) => arm.version)).toEqual(['v1', 'v2']);
      await send(query, REQUESTS);
      const after = await readUntil(query, total(before) + 1);
      for (const [at, arm] of after.entries()) {
        expect(arm.epoch).toBe(before[at]!.epoch);
        for (const count of ['requests', 'errors', 'slow'] as const) {
          expect(arm[count]).toBeGreaterThanOrEqual(before[at]![count]);
        }
        expect(arm.errors).toBeLessThanOrEqual(arm.requests);
        expect(arm.slow).toBeLessThanOrEqual(arm.requests);
      }
    });

    it('read counts more slow requests under a smaller bound', async () => {
      const query = await openRoute([100, 0]);
      await send(query, REQUESTS);
      await readUntil(query, REQUESTS / 2);
      const slowUnder = async (latencyMsMax: number) =>
        (await metrics.read({ ...query, latencyMsMax }))[0]?.slow ?? 0;
      expect(await slowUnder(1)).toBeGreaterThanOrEqual(await slowUnder(1000));
    });
  });
}
