import { readFile } from 'node:fs/promises';
import { OrreryError } from '../../core/errors.ts';
import { NAME_PATTERN } from '../../core/ids.ts';
import type { ArmSpec, RouteReading, RouteSpec, Traffic } from '../../core/ports/traffic.ts';
import { checkSplit } from '../../core/rollout/ladder.ts';
import { PROXY_HOST } from './envoy/bootstrap.ts';
import { withProxyLock } from './envoy/lock.ts';
import { openProxy } from './envoy/proxy.ts';
import type { Proxy, ProxySettings, ServiceAgent } from './envoy/proxy.ts';
import {
  clusterNames,
  factsOf,
  MIRROR_UNITS_PER_PERCENT,
  newCluster,
  renderRoute,
  routeConfiguration,
} from './envoy/resources.ts';
import type { Cluster, Route } from './envoy/resources.ts';
import { updateResources } from './envoy/update.ts';
import { viewProxy } from './envoy/view.ts';
import type { ProxyView } from './envoy/view.ts';

type Target = Pick<ArmSpec, 'version' | 'address'>;

/** `host:port`; whether such a host and port can exist is for the proxy to judge. */
const ADDRESS_PATTERN = /^.+:\d{1,5}$/;

/** Weights of the routes of the machine's Envoy. */
export function createTraffic(settings: ProxySettings, agent: ServiceAgent): Traffic {
  return {
    async set(spec) {
      checkRoute(spec);
      return withProxyLock(settings.home, async () => {
        const proxy = await openProxy(settings, agent, true);
        await replaceRoute(proxy, spec);
        const reading = readRoute(proxy, await viewProxy(proxy.adminPort), spec.route);
        if (reading === null) throw notServed(spec.route, 'it has no such route', proxy);
        return reading;
      });
    },
    remove: (route) =>
      withProxyLock(settings.home, async () => {
        await removeRoute(await openProxy(settings, agent, true), route);
      }),
    async read(route) {
      const proxy = await openProxy(settings, agent);
      return readRoute(proxy, await viewProxy(proxy.adminPort), route);
    },
  };
}

/**
 * The files of the proxy are the only memory, so that what is rendered for one route never brings
 * back an old state of another. New clusters come before the route that names them, and old ones
 * go after it: at no moment does a request meet a route without its cluster.
 */
async function replaceRoute(proxy: Proxy, spec: RouteSpec): Promise<void> {
  const routes = await readRoutes(proxy);
  const clusters = await readClusters(proxy);
  const targets: Target[] = [...spec.arms, ...(spec.mirror === null ? [] : [spec.mirror])];
  const used = new Set(routes.flatMap(clusterNames));
  const own = clusters.filter(
    (cluster) => factsOf(cluster).route === spec.route && used.has(cluster.name),
  );
  for (const target of targets) {
    if (findCluster(own, target) === undefined) {
      own.push(newCluster({ route: spec.route, version: target.version, address: target.address }));
    }
  }
  const route = renderRoute(spec, (target) => {
    const cluster = findCluster(own, target);
    if (cluster === undefined) throw new Error(`no cluster for ${target.version}`);
    return cluster.name;
  });
  const others = clusters.filter(
    (cluster) => used.has(cluster.name) && factsOf(cluster).route !== spec.route,
  );
  const nextRoutes = inOrder([...routes.filter(({ name }) => name !== spec.route), route]);
  await updateResources(proxy, 'cds', inOrder([...others, ...own]));
  try {
    await updateResources(proxy, 'rds', [routeConfiguration(nextRoutes)]);
  } catch (error) {
    await updateResources(proxy, 'cds', clusters);
    throw error;
  }
  const kept = new Set(clusterNames(route));
  await updateResources(
    proxy,
    'cds',
    inOrder([...others, ...own.filter(({ name }) => kept.has(name))]),
  );
}

/** The route goes before its clusters, for the reason above; its callers get 404 from then on. */
async function removeRoute(proxy: Proxy, name: string): Promise<void> {
  const routes = (await readRoutes(proxy)).filter((route) => route.name !== name);
  await updateResources(proxy, 'rds', [routeConfiguration(routes)]);
  const used = new Set(routes.flatMap(clusterNames));
  const clusters = await readClusters(proxy);
  await updateResources(
    proxy,
    'cds',
    inOrder(clusters.filter((cluster) => used.has(cluster.name))),
  );
}

/**
 * One order for one content. Envoy keeps its old version when an update changes nothing, so the
 * same resources in another order would look like an update that it never takes.
 */
function inOrder<Named extends { readonly name: string }>(resources: readonly Named[]): Named[] {
  return resources.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

async function readRoutes(proxy: Proxy): Promise<Route[]> {
  const file = JSON.parse(await readFile(proxy.layout.file('rds'), 'utf8')) as {
    readonly resources: readonly {
      readonly virtual_hosts: readonly { readonly routes: Route[] }[];
    }[];
  };
  return file.resources.flatMap(({ virtual_hosts: hosts }) =>
    hosts.flatMap(({ routes }) => routes),
  );
}

async function readClusters(proxy: Proxy): Promise<Cluster[]> {
  const file = JSON.parse(await readFile(proxy.layout.file('cds'), 'utf8')) as {
    readonly resources: Cluster[];
  };
  return file.resources;
}

function findCluster(clusters: readonly Cluster[], target: Target): Cluster | undefined {
  return clusters.find((cluster) => {
    const { version, address } = factsOf(cluster);
    return version === target.version && address === target.address;
  });
}

/** Only what the proxy itself says. */
function readRoute(proxy: Proxy, view: ProxyView, name: string): RouteReading | null {
  const route = view.routes.get(name);
  if (route === undefined) return null;
  const factsNamed = (cluster: string) => {
    const found = view.clusters.get(cluster);
    if (found === undefined) throw notServed(name, `it has no cluster "${cluster}"`, proxy);
    return factsOf(found);
  };
  const { clusters, use_hash_policy: sticky } = route.route.weighted_clusters;
  const mirror = route.route.request_mirror_policies?.[0];
  return {
    route: name,
    arms: clusters.map((cluster) => {
      const { version, address } = factsNamed(cluster.name);
      return { version, address, weightPercent: cluster.weight ?? 0 };
    }),
    mirror:
      mirror === undefined
        ? null
        : {
            version: factsNamed(mirror.cluster).version,
            percent:
              (mirror.runtime_fraction.default_value.numerator ?? 0) / MIRROR_UNITS_PER_PERCENT,
          },
    sticky: sticky === true,
    address: `http://${PROXY_HOST}:${proxy.proxyPort}`,
  };
}

function notServed(route: string, state: string, { logPath }: Proxy): OrreryError {
  return new OrreryError(
    'PROXY_REFUSED',
    `Cannot read the route "${route}" of the proxy: ${state}, wanted it served; see ${logPath}`,
  );
}

/** @throws OrreryError WEIGHT_INVALID, REQUEST_INVALID */
function checkRoute(spec: RouteSpec): void {
  const parts = spec.route.split('.');
  if (parts.length !== 2 || !parts.every((part) => NAME_PATTERN.test(part))) {
    throw new OrreryError(
      'REQUEST_INVALID',
      `Cannot route "${spec.route}": it is no route, wanted <model>.<region>`,
    );
  }
  checkSplit(spec.route, spec.arms);
  const versions = spec.arms.map(({ version }) => version);
  if (new Set(versions).size !== versions.length) {
    throw new OrreryError(
      'WEIGHT_INVALID',
      `Cannot shift "${spec.route}": a version is named twice (${versions.join(', ')}), wanted one weight each`,
    );
  }
  const { mirror } = spec;
  for (const { version, address } of [...spec.arms, ...(mirror === null ? [] : [mirror])]) {
    if (ADDRESS_PATTERN.test(address)) continue;
    throw new OrreryError(
      'REQUEST_INVALID',
      `Cannot send "${spec.route}" ${version} to "${address}": it is no address, wanted host:port`,
    );
  }
  if (mirror !== null && !(mirror.percent >= 0 && mirror.percent <= 100)) {
    throw new OrreryError(
      'WEIGHT_INVALID',
      `Cannot mirror ${mirror.percent} % of "${spec.route}" to ${mirror.version}: a share is 0–100`,
    );
  }
}
