import { Agent, createServer, request } from 'node:http';
import type { IncomingHttpHeaders, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createMetrics } from '../../backends/local/metrics.ts';
import { createTraffic } from '../../backends/local/traffic.ts';
import type { Metrics } from '../../core/ports/metrics.ts';
import type { RouteSpec, Traffic } from '../../core/ports/traffic.ts';
import { scorePath } from '../../core/serving/score-path.ts';
import { aHome } from './local-home.ts';
import type { Home } from './local-home.ts';
import { envoyProgram } from './tools.ts';

/** A home with a host agent, a real Envoy on first use, and what tests ask of both. */
export interface ProxiedHome extends Home {
  readonly traffic: Traffic;
  readonly metrics: Metrics;
}

export async function aProxiedHome(): Promise<ProxiedHome> {
  const home = await aHome();
  const settings = { home: home.path, envoy: envoyProgram(), proxyPort: 0, adminPort: 0 };
  return {
    ...home,
    traffic: createTraffic(settings, home.agent),
    metrics: createMetrics(settings, home.agent),
  };
}

/**
 * A server that stands in for a scorer: it answers with its version, after `x-test-delay-ms` and
 * with `x-test-status` if the request has them, and counts.
 */
export interface Upstream {
  readonly version: string;
  /** `host:port` */
  readonly address: string;
  hits(): number;
  close(): Promise<void>;
}

export async function anUpstream(version: string): Promise<Upstream> {
  let hits = 0;
  const server: Server = createServer((incoming, outgoing) => {
    hits += 1;
    incoming.resume();
    incoming.on('end', () => {
      outgoing.statusCode = numberOf(incoming.headers, 'x-test-status', 200);
      outgoing.setHeader('x-orrery-model', version);
      setTimeout(() => outgoing.end('{}'), numberOf(incoming.headers, 'x-test-delay-ms', 0));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    version,
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    hits: () => hits,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function numberOf(headers: IncomingHttpHeaders, name: string, otherwise: number): number {
  const text = headers[name];
  return text === undefined ? otherwise : Number(text);
}

/** A route over upstreams with one weight each, neither mirrored nor sticky. */
export function routeOver(
  route: string,
  ...arms: readonly (readonly [Upstream, number])[]
): RouteSpec {
  return {
    route,
    arms: arms.map(([{ version, address }, weightPercent]) => ({
      version,
      address,
      weightPercent,
    })),
    mirror: null,
    sticky: false,
  };
}

export interface Caller {
  /** One request through the proxy. */
  send(headers?: Readonly<Record<string, string>>): Promise<Answered>;
  close(): void;
}
export interface Answered {
  readonly status: number;
  /** Version that answered, by its own account. */
  readonly version: string;
}

/** A caller that keeps its connections, as services do. */
export function aCaller(proxyAddress: string, route: string): Caller {
  const agent = new Agent({ keepAlive: true });
  const url = `${proxyAddress}${scorePath(route)}`;
  return {
    send: (headers = {}) =>
      new Promise((resolve, reject) => {
        const sent = request(url, { method: 'POST', agent, headers }, (response) => {
          response.resume();
          response.on('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              version: String(response.headers['x-orrery-model'] ?? ''),
            }),
          );
        });
        sent.on('error', reject);
        sent.end('{}');
      }),
    close: () => agent.destroy(),
  };
}

/** Sends `count` requests, `width` at a time. */
export async function sendMany(caller: Caller, count: number, width = 8): Promise<Answered[]> {
  const answers: Answered[] = [];
  let left = count;
  const lane = async () => {
    while (left > 0) {
      left -= 1;
      answers.push(await caller.send());
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
  return answers;
}

/** How many answers came from each version. */
export function byVersion(answers: readonly Answered[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { version } of answers) counts[version] = (counts[version] ?? 0) + 1;
  return counts;
}
