import { describe, expect, it } from '@jest/globals';

import { createWorld, type World } from '../../backends/sim/world.ts';

const route = 'fraud.eu';
const query = { route, versions: ['v1', 'v2'], latencyMsMax: 1000 };

async function split(world: World, first: number, second: number): Promise<void> {
  const arms = [
    { version: 'v1', address: 'a.sim:1', weightPercent: first },
    { version: 'v2', address: 'b.sim:1', weightPercent: second },
  ];
  await world.ports.traffic.set({ route, arms, mirror: null, sticky: false });
}

describe('requests of the world', () => {
  it('come at the scripted rate and are split by the weights then in force', async () => {
    const world = createWorld({ requestsPerSecond: 200 });
    await split(world, 90, 10);
    await world.clock.sleep(100_000);
    const [v1, v2] = await world.ports.metrics.read(query);
    expect(v1!.requests / 18_000).toBeCloseTo(1, 1);
    expect(v2!.requests / 2_000).toBeCloseTo(1, 1);
    await split(world, 100, 0);
    await world.clock.sleep(100_000);
    const later = await world.ports.metrics.read(query);
    expect(later[1]).toEqual(v2);
    expect(later[0]!.requests).toBeGreaterThan(v1!.requests + 19_000);
  });

  it('are the same however often they are counted', async () => {
    const countWith = async (readings: number) => {
      const world = createWorld({ versions: { v2: { errorRate: 0.1 } } });
      await split(world, 50, 50);
      for (let reading = 0; reading < readings; reading += 1) {
        await world.clock.sleep(60_000 / readings);
        await world.ports.metrics.read(query);
      }
      return world.ports.metrics.read(query);
    };
    expect(await countWith(60)).toEqual(await countWith(1));
  });

  it('fail and are slow at the rates of their version and of incidents', async () => {
    const world = createWorld({
      versions: {
        v1: { errorRate: 0, slowRate: 0 },
        v2: { errorRate: 0.2, slowRate: 0.1, slowMs: 800 },
      },
      incidents: [{ fromSecond: 100, toSecond: 200, errorRate: 0.5 }],
    });
    await split(world, 50, 50);
    await world.clock.sleep(100_000);
    const [v1, v2] = await world.ports.metrics.read({ ...query, latencyMsMax: 500 });
    expect(v1).toMatchObject({ errors: 0, slow: 0 });
    expect(v2!.errors / v2!.requests).toBeCloseTo(0.2, 1);
    expect(v2!.slow / v2!.requests).toBeCloseTo(0.1, 1);
    expect((await world.ports.metrics.read(query))[1]!.slow).toBe(0);
    await world.clock.sleep(100_000);
    const [during] = await world.ports.metrics.read(query);
    expect(during!.errors / (during!.requests - v1!.requests)).toBeCloseTo(0.5, 1);
  });

  it('are copied to a mirror without a share of the answers', async () => {
    const world = createWorld();
    const arms = [{ version: 'v1', address: 'a.sim:1', weightPercent: 100 }];
    const mirror = { version: 'v2', address: 'b.sim:1', percent: 100 };
    await world.ports.traffic.set({ route, arms, mirror, sticky: false });
    await world.clock.sleep(10_000);
    const [v1, v2] = await world.ports.metrics.read(query);
    expect(v2!.requests).toBe(v1!.requests);
  });

  it('start a new epoch when their source starts again', async () => {
    const world = createWorld({ metricsRestarts: [10] });
    await split(world, 50, 50);
    await world.clock.sleep(9_000);
    const before = await world.ports.metrics.read(query);
    await world.clock.sleep(5_000);
    const after = await world.ports.metrics.read(query);
    expect(after[0]!.epoch).not.toBe(before[0]!.epoch);
    expect(after[0]!.requests).toBeLessThan(before[0]!.requests);
  });

  it('are not told while their source is down, and are counted all the same', async () => {
    const world = createWorld({
      metricsOutages: [
        { fromSecond: 10, toSecond: 20 },
        { fromSecond: 20, toSecond: 30, throws: 'INTERNAL' },
      ],
    });
    await split(world, 50, 50);
    await world.clock.sleep(15_000);
    expect(await world.ports.metrics.read(query)).toEqual([]);
    await world.clock.sleep(10_000);
    await expect(world.ports.metrics.read(query)).rejects.toMatchObject({ code: 'INTERNAL' });
    await world.clock.sleep(10_000);
    const [v1] = await world.ports.metrics.read(query);
    expect(v1!.requests).toBeGreaterThan(1000);
  });
});
