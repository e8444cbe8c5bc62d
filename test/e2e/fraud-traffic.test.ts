import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { fraudRequest } from '../../examples/fraud/requests.ts';
import { startTraffic } from '../../examples/fraud/traffic.ts';
import { parseLifecycleRequest } from '../../schemas/lifecycle.ts';
import { until } from '../support/until.ts';

interface Seen {
  readonly customer: string;
  readonly row: Readonly<Record<string, number>>;
}

const servers: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((close) => close()));
});

/** A route whose model of version `v2` fails on terminals beyond the old range, as a real one might. */
async function aRoute(): Promise<{ readonly url: string; readonly seen: readonly Seen[] }> {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk) => (text += chunk));
    request.on('end', () => {
      const { row } = JSON.parse(text) as Seen;
      seen.push({ customer: String(request.headers['x-customer-id']), row });
      const version = seen.length % 4 === 0 ? 'v2' : 'v1';
      const isUnknown = (row['terminal_id'] ?? 0) >= 100;
      response.writeHead(version === 'v2' && isUnknown ? 500 : 200, {
        'x-orrery-model': `fraud/${version}`,
      });
      response.end('{"scores":[0.5]}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push(() => new Promise((resolve) => server.close(() => resolve())));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/v1/fraud/eu-west/score`, seen };
}

const rows = Array.from({ length: 100 }, (_, id) => ({ amount: id + 0.5, terminal_id: id }));
const answered = (seen: readonly Seen[], count: number) =>
  until(`${count} requests came`, async () => (seen.length >= count ? true : null));

describe('startTraffic', () => {
  it('counts answers by version and status, failures of one version apart', async () => {
    const { url, seen } = await aRoute();
    const traffic = startTraffic({ url, ratePerSecond: 400, seed: 3, rows, newTerminalShare: 0.5 });
    await answered(seen, 200);
    const report = await traffic.stop();
    expect(report.answered).toBe(report.due - report.dropped);
    expect(report.answered).toBe(seen.length);
    expect(Object.keys(report.byVersion).toSorted()).toEqual(['fraud/v1', 'fraud/v2']);
    expect(Object.keys(report.byVersion['fraud/v1'] ?? {})).toEqual(['200']);
    expect(Object.keys(report.byVersion['fraud/v2'] ?? {}).toSorted()).toEqual(['200', '500']);
    expect(report.latencyMs.p50).toBeLessThanOrEqual(report.latencyMs.p99);
  });

  it('draws the same payments for the same seed', async () => {
    const [one, two] = [await aRoute(), await aRoute()];
    const options = { ratePerSecond: 400, seed: 9, rows, customers: 50 };
    const runs = [one, two].map(({ url }) => startTraffic({ ...options, url }));
    await Promise.all([answered(one.seen, 100), answered(two.seen, 100)]);
    await Promise.all(runs.map((run) => run.stop()));
    // Requests over several connections may arrive in another order, so sets are compared.
    const firsts = ({ seen }: { seen: readonly Seen[] }) =>
      new Set(seen.map((payment) => JSON.stringify(payment)));
    const [fewer, more] = [firsts(one), firsts(two)].toSorted((a, b) => a.size - b.size);
    expect([...(fewer ?? [])].filter((payment) => more?.has(payment) !== true)).toEqual([]);
    expect(one.seen.every(({ customer }) => Number(customer) < 50)).toBe(true);
    const share = one.seen.filter(({ row }) => (row['terminal_id'] ?? 0) >= 100).length;
    expect(share / one.seen.length).toBeGreaterThan(0.03);
    expect(share / one.seen.length).toBeLessThan(0.3);
  });

  it('counts requests that nobody answers as errors', async () => {
    const { url, seen } = await aRoute();
    await Promise.all(servers.splice(0).map((close) => close()));
    const traffic = startTraffic({ url, ratePerSecond: 200, seed: 1, rows });
    await until('an error is counted', async () =>
      (traffic.report().byVersion['none']?.['error'] ?? 0) > 0 ? true : null,
    );
    const report = await traffic.stop();
    expect(report.byVersion['none']?.['error']).toBe(report.answered);
    expect(seen).toEqual([]);
  });

  it.each([
    ['a rate of 0', { ratePerSecond: 0 }],
    ['a share above 1', { newTerminalShare: 1.5 }],
    ['no rows', { rows: [] }],
  ])('refuses %s', (_, wrong) => {
    const options = { url: 'http://127.0.0.1:1/', ratePerSecond: 1, seed: 1, rows, ...wrong };
    expect(() => startTraffic(options)).toThrow(/^Cannot send /);
  });
});

describe('fraudRequest', () => {
  it('makes a request that the schema admits as it is', () => {
    const request = fraudRequest({
      version: 'v2',
      author: 'ada',
      dataPath: '/data/fraud/data.csv',
      programsDir: '/programs',
      recipe: 'terminal-table',
      costUsdMax: 5,
    });
    expect(parseLifecycleRequest(request)).toEqual(request);
    expect(request.data.uri).toBe('file:///data/fraud/data.csv');
    expect(request.training.train.params).toMatchObject({ recipe: 'terminal-table', trees: 60 });
  });
});
