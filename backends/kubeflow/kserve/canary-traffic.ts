import { OrreryError } from '../../../core/errors.ts';
import type { RouteReading, RouteSpec, Traffic } from '../../../core/ports/traffic.ts';
import type { KubernetesClient } from '../../connections/kubernetes/client.ts';
import { acceptanceOf } from './acceptance.ts';
import { applyCanaryRoute, isServed, readCanaryRoute } from './canary-route.ts';
import type { CanaryRoute } from './canary-route.ts';
import { routeRefused, stillThere } from './failures.ts';
import { percentsOf } from './route-content.ts';
import { addressText } from './names.ts';
import { paths } from './objects.ts';
import type { HttpRoute } from './objects.ts';
import { checkRouteName } from './route-spec.ts';
import { checkOneService, percentsText, wantedPercents } from './route-shares.ts';
import { callersAddress } from './route-services.ts';
import type { KserveSettings } from './settings.ts';
import { predictorName } from './version-services.ts';
import { untilAnswer } from './waiting.ts';

/**
 * Weights for `canaries`. KServe turns `trafficPercent` into weights of the HTTPRoute that bears the
 * name of the InferenceService, and leaves out canaries that are not ready: their share stays with
 * the stable version. `canaryStatuses[].trafficPercent` repeats the spec, so the split is read from
 * that HTTPRoute, once a gateway has taken it.
 */
export function createCanaryTraffic(client: KubernetesClient, settings: KserveSettings): Traffic {
  const read = async (name: string): Promise<RouteReading | null> => {
    const route = await readCanaryRoute(client, name);
    const split = route === null ? null : await readSplit(client, route);
    return route === null || split === null ? null : readingOf(client, route, split);
  };
  return {
    set: (spec) => set(client, settings, spec, read),
    read,
    remove: (name) => remove(client, settings, name),
  };
}

/**
 * Arm → percent, of what the gateway serves; null when there is no route.
 *
 * @throws OrreryError PROXY_REFUSED while no gateway has taken the present weights
 */
export async function readSplit(
  client: KubernetesClient,
  route: CanaryRoute,
): Promise<ReadonlyMap<string, number> | null> {
  if (!isServed(route)) return null;
  const { name } = route.service.metadata;
  const found = await client.get<HttpRoute>(paths.httpRoute(client.namespace, name));
  if (found === null) return null;
  const acceptance = acceptanceOf(found, null);
  if (acceptance.state !== 'accepted') {
    throw new OrreryError(
      'PROXY_REFUSED',
      `Cannot read the split of "${route.route}": ${acceptance.told}, wanted it accepted`,
    );
  }
  const percents = percentsOf(found.spec.rules?.[0]?.backendRefs ?? []);
  return new Map(
    [route.stable, ...route.canaries].map((arm) => {
      const backend = predictorName(name, arm.name);
      return [arm.name, percents.find((entry) => entry.name === backend)?.percent ?? 0];
    }),
  );
}

async function set(
  client: KubernetesClient,
  { replicas, routeSecondsMax }: KserveSettings,
  spec: RouteSpec,
  read: (name: string) => Promise<RouteReading | null>,
): Promise<RouteReading> {
  const shares = checkOneService(spec, client.namespace);
  let before: CanaryRoute['canaries'] = [];
  let told = 'no version is deployed';
  const write = async (percentOf: (arm: string) => number) =>
    untilAnswer(async () => {
      const route = await readCanaryRoute(client, spec.route);
      if (route === null || !isServed(route)) throw routeRefused(spec.route, told);
      wantedPercents(spec.route, shares, [route.stable, ...route.canaries]);
      before = route.canaries;
      const canaries = route.canaries.map((arm) => ({ ...arm, percent: percentOf(arm.name) }));
      const change = { stable: route.stable, canaries };
      return (await applyCanaryRoute(client, spec.route, change, route.service, replicas)) || null;
    }, routeSecondsMax);
  await write((arm) => shares.get(arm) ?? 0);
  const old = new Map(before.map(({ name, percent }) => [name, percent]));
  const reading = await untilAnswer(async () => {
    const route = await readCanaryRoute(client, spec.route);
    if (route === null) return null;
    try {
      const split = await readSplit(client, route);
      if (split === null) return null;
      told = `the gateway serves ${percentsText(split)}; ${unready(route)}`;
      const isSet = [...split].every(([arm, percent]) => percent === (shares.get(arm) ?? 0));
      return isSet ? await read(spec.route) : null;
    } catch (error) {
      if (!(error instanceof OrreryError) || error.code !== 'PROXY_REFUSED') throw error;
      told = error.message;
      return null;
    }
  }, routeSecondsMax);
  if (reading !== null) return reading;
  await write((arm) => old.get(arm) ?? 0);
  throw routeRefused(spec.route, `${told} after ${routeSecondsMax} s`);
}

function unready({ service }: CanaryRoute): string {
  const waiting = (service.status?.canaryStatuses ?? []).filter(({ ready }) => !ready);
  if (waiting.length === 0) return 'all canaries are ready';
  return `not ready: ${waiting.map(({ name }) => name).join(', ')}, whose share stays with the stable version`;
}

/** KServe's annotation to stop takes routes and servers away; the next deployment begins anew. */
async function remove(
  client: KubernetesClient,
  { replicas, routeSecondsMax }: KserveSettings,
  name: string,
): Promise<void> {
  checkRouteName(name);
  const gone = await untilAnswer(async () => {
    const route = await readCanaryRoute(client, name);
    if (route === null) return true;
    if (isServed(route)) {
      const { stable, canaries, service } = route;
      const change = { stable, canaries, stopped: true };
      await applyCanaryRoute(client, name, change, service, replicas);
      return null;
    }
    const path = paths.httpRoute(client.namespace, route.service.metadata.name);
    return (await client.get(path)) === null ? true : null;
  }, routeSecondsMax);
  if (gone === null) throw stillThere(`the route "${name}"`);
}

function readingOf(
  client: KubernetesClient,
  route: CanaryRoute,
  split: ReadonlyMap<string, number>,
): RouteReading | null {
  const { namespace } = client;
  const { url } = route.service.status ?? {};
  if (url === undefined) return null;
  const service = route.service.metadata.name;
  return {
    route: route.route,
    arms: [route.stable, ...route.canaries].map(({ name, facts }) => ({
      version: facts.version,
      address: addressText({ namespace, service, arm: name }),
      weightPercent: split.get(name) ?? 0,
    })),
    mirror: null,
    sticky: false,
    address: callersAddress(url),
  };
}
