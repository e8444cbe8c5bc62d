import { OrreryError } from '../../core/errors.ts';
import type { RouteReading, RouteSpec, Traffic } from '../../core/ports/traffic.ts';
import { checkSplit } from '../../core/rollout/ladder.ts';
import { endpointOf } from '../connections/google/settings.ts';
import type { VertexApi } from './calls.ts';
import {
  addressOf,
  checkRouteName,
  endpointName,
  parseAddress,
  versionOf,
} from './endpoint-names.ts';
import type { Endpoint } from './messages.ts';
import type { VertexSettings } from './settings.ts';

/** How often a change that meets another one is tried again on what is there then. */
const UPDATE_TRIES_MAX = 10;

/**
 * A route is the traffic split of its endpoint, changed by UpdateEndpoint with the mask `traffic_split`
 * and the etag that was read: MutateDeployedModel cannot change traffic. Reading is reading the endpoint.
 */
export function createTraffic(settings: VertexSettings, api: VertexApi): Traffic {
  const read = (route: string) => api.endpoints.get(endpointName(settings, route));
  return {
    async set(spec) {
      const split = splitOf(settings, spec);
      const endpoint = await update(api, spec.route, () => read(spec.route), split);
      if (endpoint === null) throw noEndpoint(spec.route);
      const reading = readingOf(settings, spec.route, endpoint);
      if (reading === null) throw notServed(spec.route);
      const order = spec.arms.map(({ address }) => address);
      const arms = reading.arms.toSorted(
        (a, b) => order.indexOf(a.address) - order.indexOf(b.address),
      );
      return { ...reading, arms };
    },
    async read(route) {
      const endpoint = await read(route);
      return endpoint === null ? null : readingOf(settings, route, endpoint);
    },
    async remove(route) {
      await update(api, route, () => read(route), {});
    },
  };
}

/** The endpoint as it is after the change; null when there is none. */
async function update(
  api: VertexApi,
  route: string,
  read: () => Promise<Endpoint | null>,
  trafficSplit: Record<string, number>,
): Promise<Endpoint | null> {
  for (let tries = 1; tries <= UPDATE_TRIES_MAX; tries += 1) {
    const found = await read();
    if (found === null) return null;
    if (isSame(found.trafficSplit ?? {}, trafficSplit)) return found;
    const { name, displayName, etag } = found;
    const change = {
      name: name ?? '',
      displayName: displayName ?? '',
      etag: etag ?? '',
      trafficSplit,
    };
    if ((await api.endpoints.update(change, ['traffic_split'])) !== null) return read();
  }
  throw new OrreryError(
    'PROXY_REFUSED',
    `Cannot shift "${route}": its endpoint was changed by others ${UPDATE_TRIES_MAX} times meanwhile, wanted a moment without a change`,
  );
}

function isSame(one: Record<string, number>, other: Record<string, number>): boolean {
  const ids = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...ids].every((id) => one[id] !== undefined && one[id] === other[id]);
}

/** @throws OrreryError WEIGHT_INVALID, REQUEST_INVALID, OPERATION_UNSUPPORTED */
function splitOf(settings: VertexSettings, spec: RouteSpec): Record<string, number> {
  const { route, arms, mirror, sticky } = spec;
  checkRouteName(route);
  checkSplit(route, arms);
  if (mirror !== null) {
    throw unsupported(`mirror "${route}" to ${mirror.version}`, 'endpoints have no shadow');
  }
  if (sticky) {
    throw unsupported(
      `keep customers of "${route}" on one arm`,
      'the split is drawn for each request',
    );
  }
  const endpoint = endpointName(settings, route);
  const shares = arms.map(({ version, address, weightPercent }) => {
    const target = parseAddress(address);
    if (target?.endpoint === endpoint) return [target.id, weightPercent] as const;
    throw new OrreryError(
      'REQUEST_INVALID',
      `Cannot send "${route}" ${version} to "${address}": it is no model of the endpoint of this route, wanted vertex://${endpoint}/deployedModels/<id>`,
    );
  });
  if (new Set(shares.map(([id]) => id)).size === shares.length) return Object.fromEntries(shares);
  throw new OrreryError(
    'WEIGHT_INVALID',
    `Cannot shift "${route}": a server is named twice, wanted one weight each`,
  );
}

/** In the order in which the models were deployed; null for an endpoint that takes no traffic. */
function readingOf(
  settings: VertexSettings,
  route: string,
  { name, trafficSplit, deployedModels, dedicatedEndpointDns }: Endpoint,
): RouteReading | null {
  const split = trafficSplit ?? {};
  if (Object.keys(split).length === 0) return null;
  const arms = (deployedModels ?? []).flatMap(({ id, displayName }) => {
    const weightPercent = split[id ?? ''];
    if (weightPercent === undefined) return [];
    const address = addressOf(name ?? '', id ?? '');
    return [{ version: versionOf(displayName), address, weightPercent }];
  });
  const { host, port } = endpointOf(settings);
  const scheme = settings.insecure ? 'http' : 'https';
  const origin = dedicatedEndpointDns
    ? `https://${dedicatedEndpointDns.replace(/^https:\/\//, '')}`
    : `${scheme}://${host}:${port}`;
  return { route, arms, mirror: null, sticky: false, address: `${origin}/v1/${name}:rawPredict` };
}

function unsupported(action: string, reason: string): OrreryError {
  return new OrreryError(
    'OPERATION_UNSUPPORTED',
    `Cannot ${action}: Vertex AI cannot do this (${reason})`,
  );
}

function noEndpoint(route: string): OrreryError {
  return new OrreryError(
    'PROXY_REFUSED',
    `Cannot shift "${route}": it has no endpoint, wanted a model deployed for it first`,
  );
}

function notServed(route: string): OrreryError {
  return new OrreryError(
    'PROXY_REFUSED',
    `Cannot shift "${route}": the endpoint reads back without a split, wanted the one that was set`,
  );
}
