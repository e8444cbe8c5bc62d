import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
  jest,
} from '@jest/globals';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { createMetrics } from '../../backends/local/metrics.ts';
import { createTraffic } from '../../backends/local/traffic.ts';
import { aHome } from '../support/local-home.ts';
import type { Home } from '../support/local-home.ts';
import { aCaller, anUpstream, routeOver } from '../support/proxied-home.ts';
import type { Upstream } from '../support/proxied-home.ts';
import { envoyProgram } from '../support/tools.ts';
import { until } from '../support/until.ts';

// Real processes on a machine that may be busy.
jest.setTimeout(60_000);

const ROUTE = 'fraud.eu-west';
let home: Home;
let upstream: Upstream;
beforeAll(async () => {
  upstream = await anUpstream('v1');
});
afterAll(() => upstream.close());
beforeEach(async () => {
  home = await aHome();
});
afterEach(() => home.close());

const settingsWith = (ports: { proxyPort?: number; adminPort?: number } = {}) => ({
  home: home.path,
  envoy: envoyProgram(),
  proxyPort: 0,
  adminPort: 0,
  ...ports,
});
const query = { route: ROUTE, versions: ['v1'], latencyMsMax: 250 };

describe('the proxy of the local backend', () => {
  it('comes back at its address with the same weights after it was killed, in another epoch', async () => {
    const traffic = createTraffic(settingsWith(), home.agent);
    const metrics = createMetrics(settingsWith(), home.agent);
    const before = await traffic.set(routeOver(ROUTE, [upstream, 100]));
    const [counted] = await metrics.read(query);
    const { pid } = await home.agent.readService('envoy');
    process.kill(pid ?? 0, 'SIGKILL');
    await until('the proxy is gone', async () =>
      (await home.agent.readService('envoy')).phase === 'exited' ? true : null,
    );
    expect(await traffic.read(ROUTE)).toEqual(before);
    const caller = aCaller(before.address, ROUTE);
    expect(await caller.send()).toEqual({ status: 200, version: 'v1' });
    caller.close();
    const [again] = await metrics.read(query);
    expect(again?.requests).toBe(1);
    expect(again?.epoch).not.toBe(counted?.epoch);
  });

  it.each(['proxyPort', 'adminPort'] as const)(
    'refuses a %s that another process listens on with PORT_IN_USE',
    async (name) => {
      const holder = await listen();
      const { port } = holder.address() as AddressInfo;
      const traffic = createTraffic(settingsWith({ [name]: port }), home.agent);
      await expect(traffic.read(ROUTE)).rejects.toMatchObject({ code: 'PORT_IN_USE' });
      await new Promise((resolve) => holder.close(resolve));
      expect(await traffic.read(ROUTE)).toBeNull();
    },
  );

  it('refuses other ports than those of the proxy that runs', async () => {
    await createTraffic(settingsWith(), home.agent).read(ROUTE);
    const other = createTraffic(settingsWith({ proxyPort: 1 }), home.agent);
    await expect(other.read(ROUTE)).rejects.toMatchObject({ code: 'SETTINGS_INVALID' });
  });

  it('is missed with TOOL_MISSING when there is no such program', async () => {
    const settings = { ...settingsWith(), envoy: '/nowhere/envoy' };
    await expect(createTraffic(settings, home.agent).read(ROUTE)).rejects.toMatchObject({
      code: 'TOOL_MISSING',
    });
  });

  it('starts once for many callers at once', async () => {
    const traffics = [1, 2, 3, 4].map(() => createTraffic(settingsWith(), home.agent));
    const routes = await Promise.all(
      traffics.map((traffic, index) =>
        traffic.set(routeOver(`fraud.region-${index}`, [upstream, 100])),
      ),
    );
    expect(new Set(routes.map(({ address }) => address)).size).toBe(1);
  });
});

async function listen(): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
