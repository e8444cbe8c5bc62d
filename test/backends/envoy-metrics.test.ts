import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { aCaller, anUpstream, aProxiedHome, routeOver, sendMany } from '../support/proxied-home.ts';
import type { ProxiedHome, Upstream } from '../support/proxied-home.ts';
import { until } from '../support/until.ts';

// Real processes on a machine that may be busy.
jest.setTimeout(60_000);

let home: ProxiedHome;
let stable: Upstream;
let canary: Upstream;

beforeAll(async () => {
  home = await aProxiedHome();
  [stable, canary] = [await anUpstream('v1'), await anUpstream('v2')];
});
afterAll(async () => {
  await home.close();
  await Promise.all([stable.close(), canary.close()]);
});

const read = (route: string, latencyMsMax = 250) =>
  home.metrics.read({ route, versions: ['v1', 'v2'], latencyMsMax });
const readArm = async (route: string, version: string, latencyMsMax?: number) =>
  (await read(route, latencyMsMax)).find((arm) => arm.version === version);

describe('metrics of the local backend', () => {
  it('counts requests, errors and slow requests of each arm apart', async () => {
    const route = 'fraud.counts';
    const { address } = await home.traffic.set(routeOver(route, [stable, 100], [canary, 0]));
    const caller = aCaller(address, route);
    await sendMany(caller, 40);
    await caller.send({ 'x-test-status': '500' });
    await caller.send({ 'x-test-status': '503' });
    await caller.send({ 'x-test-status': '404' });
    await Promise.all([1, 2, 3].map(() => caller.send({ 'x-test-delay-ms': '600' })));
    const arm = await until('the slow requests are flushed', async () => {
      const found = await readArm(route, 'v1', 500);
      return found !== undefined && found.slow >= 3 ? found : null;
    });
    expect(arm).toMatchObject({ requests: 46, errors: 2, slow: 3 });
    expect(await readArm(route, 'v1', 1_000)).toMatchObject({ slow: 0 });
    expect(await readArm(route, 'v2')).toMatchObject({ requests: 0, errors: 0, slow: 0 });
    caller.close();
  });

  it('counts a timeout as one request that is both an error and slow', async () => {
    const route = 'fraud.timeout';
    const { address } = await home.traffic.set(routeOver(route, [stable, 100]));
    const caller = aCaller(address, route);
    expect((await caller.send({ 'x-test-delay-ms': '5600' })).status).toBe(504);
    expect(await readArm(route, 'v1', 1_000)).toMatchObject({ requests: 1, errors: 1, slow: 1 });
    caller.close();
  });

  it('counts a server that is gone as errors', async () => {
    const route = 'fraud.gone';
    const gone = await anUpstream('v1');
    const { address } = await home.traffic.set(routeOver(route, [gone, 100]));
    await gone.close();
    const caller = aCaller(address, route);
    for (let sent = 0; sent < 5; sent += 1) expect((await caller.send()).status).toBe(503);
    expect(await readArm(route, 'v1')).toMatchObject({ requests: 5, errors: 5 });
    caller.close();
  });

  it('counts mirrored copies for the version that they go to', async () => {
    const route = 'fraud.mirror';
    const { address } = await home.traffic.set({
      ...routeOver(route, [stable, 100]),
      mirror: { version: 'v2', address: canary.address, percent: 100 },
    });
    const caller = aCaller(address, route);
    await sendMany(caller, 30);
    await caller.send({ 'x-test-status': '500' });
    const arm = await until('the copies are counted', async () => {
      const found = await readArm(route, 'v2');
      return found !== undefined && found.requests >= 31 ? found : null;
    });
    expect(arm).toMatchObject({ requests: 31, errors: 1 });
    caller.close();
  });

  it('keeps the epoch over changes of weights and begins another when a version comes back', async () => {
    const route = 'fraud.epochs';
    await home.traffic.set(routeOver(route, [stable, 90], [canary, 10]));
    const first = await readArm(route, 'v2');
    await home.traffic.set(routeOver(route, [stable, 50], [canary, 50]));
    expect((await readArm(route, 'v2'))?.epoch).toBe(first?.epoch);
    await home.traffic.set(routeOver(route, [stable, 100]));
    expect(await readArm(route, 'v2')).toBeUndefined();
    await home.traffic.set(routeOver(route, [stable, 90], [canary, 10]));
    const back = await readArm(route, 'v2');
    expect(back?.requests).toBe(0);
    expect(back?.epoch).not.toBe(first?.epoch);
  });

  it.each([0, -1, 6_000, Number.NaN])('refuses a bound of %s ms', async (latencyMsMax) => {
    await expect(read('fraud.counts', latencyMsMax)).rejects.toMatchObject({
      code: 'REQUEST_INVALID',
    });
  });
});
