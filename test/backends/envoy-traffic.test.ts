import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { RouteSpec } from '../../core/ports/traffic.ts';
import {
  aCaller,
  anUpstream,
  aProxiedHome,
  byVersion,
  routeOver,
  sendMany,
} from '../support/proxied-home.ts';
import type { ProxiedHome, Upstream } from '../support/proxied-home.ts';
import { envoyProgram } from '../support/tools.ts';
import { until } from '../support/until.ts';

// Real processes on a machine that may be busy.
jest.setTimeout(60_000);

const ROUTE = 'fraud.eu-west';
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

const split = (canaryPercent: number, changes: Partial<RouteSpec> = {}): RouteSpec => ({
  ...routeOver(ROUTE, [stable, 100 - canaryPercent], [canary, canaryPercent]),
  ...changes,
});

describe('traffic of the local backend', () => {
  it('sends about a tenth of the requests to an arm of ten percent', async () => {
    const { address } = await home.traffic.set(split(10));
    const caller = aCaller(address, ROUTE);
    const counts = byVersion(await sendMany(caller, 3_000));
    caller.close();
    // Six standard deviations of a binomial count with 3,000 draws at 0.1 are 99.
    expect(counts['v2']).toBeGreaterThan(200);
    expect(counts['v2']).toBeLessThan(400);
    expect((counts['v1'] ?? 0) + (counts['v2'] ?? 0)).toBe(3_000);
  });

  it('sends nothing to an arm once set to zero has returned', async () => {
    const caller = aCaller((await home.traffic.set(split(50))).address, ROUTE);
    await sendMany(caller, 200);
    const reading = await home.traffic.set(split(0));
    expect(reading.arms.map((arm) => arm.weightPercent)).toEqual([100, 0]);
    const before = canary.hits();
    expect(byVersion(await sendMany(caller, 1_000))).toEqual({ v1: 1_000 });
    expect(canary.hits()).toBe(before);
    caller.close();
  });

  it('fails no request during twenty changes of weights under load', async () => {
    const caller = aCaller((await home.traffic.set(split(0))).address, ROUTE);
    let busy = true;
    const answers = Promise.all(
      Array.from({ length: 4 }, async () => {
        const statuses: number[] = [];
        while (busy) statuses.push((await caller.send()).status);
        return statuses;
      }),
    );
    for (let change = 1; change <= 20; change += 1) {
      const percent = (change * 37) % 101;
      const reading = await home.traffic.set(split(percent));
      expect(reading.arms[1]?.weightPercent).toBe(percent);
    }
    busy = false;
    const statuses = (await answers).flat();
    expect(statuses.length).toBeGreaterThan(100);
    expect(statuses.filter((status) => status !== 200)).toEqual([]);
    caller.close();
  });

  it('fails no request while arms come and go under load', async () => {
    const next = await anUpstream('v3');
    const caller = aCaller((await home.traffic.set(split(50))).address, ROUTE);
    let busy = true;
    const answers = Promise.all(
      Array.from({ length: 4 }, async () => {
        const statuses: number[] = [];
        while (busy) statuses.push((await caller.send()).status);
        return statuses;
      }),
    );
    for (let round = 0; round < 5; round += 1) {
      await home.traffic.set(routeOver(ROUTE, [canary, 90], [next, 10]));
      await home.traffic.set(routeOver(ROUTE, [stable, 100]));
    }
    busy = false;
    expect((await answers).flat().filter((status) => status !== 200)).toEqual([]);
    caller.close();
    await next.close();
  });

  it('keeps each customer on one arm while the weights stay, and moves them one way', async () => {
    const customers = Array.from({ length: 120 }, (_, index) => `customer-${index}`);
    const { address } = await home.traffic.set(split(30, { sticky: true }));
    const caller = aCaller(address, ROUTE);
    const armsOf = () =>
      Promise.all(
        customers.map(async (id) => (await caller.send({ 'x-customer-id': id })).version),
      );
    const first = await armsOf();
    expect(new Set(first)).toEqual(new Set(['v1', 'v2']));
    for (let round = 0; round < 5; round += 1) expect(await armsOf()).toEqual(first);
    await home.traffic.set(split(60, { sticky: true }));
    const grown = await armsOf();
    expect(first.filter((arm, index) => arm === 'v2' && grown[index] !== 'v2')).toEqual([]);
    expect(grown.filter((arm) => arm === 'v2').length).toBeGreaterThan(
      first.filter((arm) => arm === 'v2').length,
    );
    caller.close();
  });

  it('mirrors every request exactly once at one hundred percent, and no caller sees it', async () => {
    const mirror = { version: 'v2', address: canary.address, percent: 100 };
    const { address } = await home.traffic.set({
      ...routeOver(ROUTE, [stable, 100]),
      mirror,
    });
    const caller = aCaller(address, ROUTE);
    const before = canary.hits();
    expect(byVersion(await sendMany(caller, 500))).toEqual({ v1: 500 });
    await until('the copies have arrived', async () =>
      canary.hits() - before >= 500 ? true : null,
    );
    expect(canary.hits() - before).toBe(500);
    caller.close();
  });

  it('keeps the old weights when Envoy refuses the new ones', async () => {
    const before = await home.traffic.set(split(25));
    const bad = split(75);
    // One of the two new clusters is good: Envoy takes that one and refuses the file.
    const [first, second] = bad.arms;
    const arms = [
      { ...first!, version: 'v3' },
      { ...second!, address: '127.0.0.1:99999' },
    ];
    await expect(home.traffic.set({ ...bad, arms })).rejects.toMatchObject({
      code: 'PROXY_REFUSED',
    });
    expect(await home.traffic.read(ROUTE)).toEqual(before);
    const after = await home.traffic.set(split(26));
    expect(after.arms[1]?.weightPercent).toBe(26);
  });

  it.each(['127.0.0.1', 'localhost:', ':8080', '127.0.0.1:http'])(
    'refuses the address "%s" with REQUEST_INVALID',
    async (address) => {
      const { arms, ...rest } = split(0);
      const wrong = arms.map((arm) => ({ ...arm, address }));
      await expect(home.traffic.set({ ...rest, arms: wrong })).rejects.toMatchObject({
        code: 'REQUEST_INVALID',
      });
    },
  );

  it('loses no route that several processes set at once', async () => {
    await home.traffic.set(split(5));
    const settings = { home: home.path, envoy: envoyProgram(), proxyPort: 0, adminPort: 0 };
    const routes = ['eu-north', 'eu-south', 'us-east'].map((region) => `fraud.${region}`);
    const script = join(import.meta.dirname, '../support/set-route.ts');
    await Promise.all(
      routes.map((route) =>
        promisify(execFile)(process.execPath, [
          script,
          JSON.stringify(settings),
          JSON.stringify(routeOver(route, [stable, 80], [canary, 20])),
        ]),
      ),
    );
    for (const route of routes) {
      expect((await home.traffic.read(route))?.arms[1]?.weightPercent).toBe(20);
    }
    expect((await home.traffic.read(ROUTE))?.arms[1]?.weightPercent).toBe(5);
  });

  it('answers 404 for a route that nobody set', async () => {
    const { address } = await home.traffic.set(split(5));
    const caller = aCaller(address, 'credit.eu-west');
    expect((await caller.send()).status).toBe(404);
    caller.close();
  });
});
