import { OrreryError } from '../../../core/errors.ts';
import type { RouteReading, RouteSpec, Traffic } from '../../../core/ports/traffic.ts';
import type { KubernetesClient } from '../../connections/kubernetes/client.ts';
import { acceptanceOf } from './acceptance.ts';
import { GONE_SECONDS_MAX, routeRefused, stillThere } from './failures.ts';
import { addressText, hostOf, httpRouteName, isOurs, ourLabels } from './names.ts';
import { paths } from './objects.ts';
import type { Gateway, HttpRoute } from './objects.ts';
import type { Platform } from './platform.ts';
import { ROUTE_ANNOTATION } from './predictor.ts';
import {
  contentOf,
  mirroredPercent,
  parseVersions,
  percentsOf,
  VERSIONS_ANNOTATION,
} from './route-content.ts';
import type { Content, GatewaySettings } from './route-content.ts';
import { checkRoute, checkRouteName } from './route-spec.ts';
import type { CheckedRoute } from './route-spec.ts';
import type { KserveSettings } from './settings.ts';
import { untilAnswer } from './waiting.ts';

/**
 * Weights for `http-route`: one HTTPRoute of ours a route, whose backends are the predictor Services
 * of the versions. It is applied by the server, so that what others add to it stays theirs.
 *
 * The split is what the gateway took: an HTTPRoute whose present generation no gateway has accepted
 * says only what was asked for, so reading one is an error that passes by itself.
 */
export function createHttpRoutes(
  client: KubernetesClient,
  settings: KserveSettings,
  platform: Platform,
): Traffic {
  const gateway = settings.gateway as GatewaySettings;
  const read = async (route: string): Promise<RouteReading | null> => {
    const found = await readOurs(client, route);
    if (found === null) return null;
    const acceptance = acceptanceOf(found, gateway);
    if (acceptance.state !== 'accepted') {
      throw new OrreryError(
        'PROXY_REFUSED',
        `Cannot read the split of "${route}": ${acceptance.told}, wanted it accepted by ${gateway.namespace}/${gateway.name}`,
      );
    }
    return readingOf(client, gateway, route, found);
  };
  return {
    async set(spec: RouteSpec) {
      const checked = checkRoute(spec, client.namespace);
      checkMirror(checked, platform);
      // Asked first, so that a Gateway that is not there changes nothing.
      await addressOf(client, gateway, spec.route);
      const before = await readOurs(client, spec.route);
      await apply(client, gateway, spec.route, contentOf(gateway, checked));
      const refusal = await refusalOf(client, settings, spec.route);
      if (refusal === null) {
        const reading = await read(spec.route);
        if (reading !== null) return reading;
      }
      await putBack(client, gateway, spec.route, before);
      throw routeRefused(spec.route, refusal ?? 'the route was deleted while it was set');
    },
    read,
    async remove(route) {
      checkRouteName(route);
      await removeRoute(client, route);
    },
  };
}

function checkMirror({ route, mirror }: CheckedRoute, { mirrorsShare }: Platform): void {
  if (mirror === null || mirrorsShare) return;
  throw new OrreryError(
    'OPERATION_UNSUPPORTED',
    `Cannot mirror "${route}": the served HTTPRoute knows no requestMirror.percent, wanted Gateway API 1.3 or later`,
  );
}

async function apply(
  client: KubernetesClient,
  gateway: GatewaySettings,
  route: string,
  { annotations, spec }: Content,
): Promise<void> {
  const [model = ''] = route.split('.');
  const name = httpRouteName(route);
  await client.patch(paths.httpRoute(client.namespace, name), 'apply', {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name, namespace: client.namespace, labels: ourLabels({ model }), annotations },
    spec,
  });
}

/** Waits for the gateway; null once it has taken the route, else why not. */
async function refusalOf(
  client: KubernetesClient,
  { gateway, routeSecondsMax }: KserveSettings,
  route: string,
): Promise<string | null> {
  let told = 'no gateway has taken the route';
  const answer = await untilAnswer<{ readonly refusal: string | null }>(async () => {
    const found = await readOurs(client, route);
    if (found === null) return { refusal: 'the route was deleted while it was set' };
    const acceptance = acceptanceOf(found, gateway ?? null);
    if (acceptance.state === 'accepted') return { refusal: null };
    ({ told } = acceptance);
    return acceptance.state === 'refused' ? { refusal: told } : null;
  }, routeSecondsMax);
  return answer === null ? `${told} after ${routeSecondsMax} s` : answer.refusal;
}

/** A gateway may drop a route that it refuses, or take it later: what served before is put back. */
async function putBack(
  client: KubernetesClient,
  gateway: GatewaySettings,
  route: string,
  before: HttpRoute | null,
): Promise<void> {
  if (before === null) return removeRoute(client, route);
  const { annotations = {} } = before.metadata;
  await apply(client, gateway, route, {
    annotations: {
      [ROUTE_ANNOTATION]: route,
      [VERSIONS_ANNOTATION]: annotations[VERSIONS_ANNOTATION] ?? '{}',
    },
    spec: before.spec,
  });
}

/** @throws OrreryError NAME_TAKEN for an HTTPRoute of somebody else */
async function readOurs(client: KubernetesClient, route: string): Promise<HttpRoute | null> {
  const name = httpRouteName(route);
  const found = await client.get<HttpRoute>(paths.httpRoute(client.namespace, name));
  if (found === null || found.metadata.deletionTimestamp !== undefined) return null;
  if (isOurs(found.metadata.labels)) return found;
  throw new OrreryError(
    'NAME_TAKEN',
    `Cannot use HTTPRoute ${name} for "${route}": it has not our label, wanted one of ours`,
  );
}

async function removeRoute(client: KubernetesClient, route: string): Promise<void> {
  const found = await readOurs(client, route);
  const path = paths.httpRoute(client.namespace, httpRouteName(route));
  if (found !== null) await client.remove(path, { uid: found.metadata.uid });
  const gone = await untilAnswer(
    async () => ((await client.get(path)) === null ? true : null),
    GONE_SECONDS_MAX,
  );
  if (gone === null) throw stillThere(`HTTPRoute ${httpRouteName(route)}`);
}

async function readingOf(
  client: KubernetesClient,
  gateway: GatewaySettings,
  route: string,
  { metadata, spec }: HttpRoute,
): Promise<RouteReading> {
  const versions = parseVersions(metadata.annotations?.[VERSIONS_ANNOTATION]);
  const nameOf = (service: string) => versions[service] ?? service;
  const rule = spec.rules?.[0];
  const refs = rule?.backendRefs ?? [];
  const mirror = rule?.filters?.find(({ type }) => type === 'RequestMirror')?.requestMirror;
  return {
    route,
    arms: percentsOf(refs).map(({ name, percent }) => ({
      version: nameOf(name),
      address: addressText({
        namespace: client.namespace,
        service: name.replace(/-predictor$/, ''),
        arm: null,
      }),
      weightPercent: percent,
    })),
    mirror:
      mirror === undefined
        ? null
        : { version: nameOf(mirror.backendRef.name), percent: mirroredPercent(mirror) },
    sticky: false,
    address: await addressOf(client, gateway, route),
  };
}

/** Where callers of a route send requests: scheme and port of the Gateway's listener. */
async function addressOf(
  client: KubernetesClient,
  gateway: GatewaySettings,
  route: string,
): Promise<string> {
  const found = await client.get<Gateway>(paths.gateway(gateway.namespace, gateway.name));
  const listener = found?.spec.listeners.find(({ name, protocol }) =>
    gateway.listener === undefined ? /^HTTPS?$/.test(protocol) : name === gateway.listener,
  );
  if (listener === undefined) {
    const state = found === null ? 'is not there' : `has no listener ${gateway.listener ?? 'HTTP'}`;
    throw new OrreryError(
      'SETTINGS_INVALID',
      `Cannot route "${route}": Gateway ${gateway.namespace}/${gateway.name} ${state}, wanted the one that the setting "gateway" names`,
    );
  }
  const scheme = listener.protocol === 'HTTPS' ? 'https' : 'http';
  return `${scheme}://${hostOf(route, gateway.domain)}:${listener.port}`;
}
