import { OrreryError } from '../../../core/errors.ts';
import type { RouteReading, RouteSpec, Traffic } from '../../../core/ports/traffic.ts';
import type { KubernetesClient } from '../../connections/kubernetes/client.ts';
import { routeRefused, stillThere } from './failures.ts';
import { addressText, armName } from './names.ts';
import type { ArmFacts } from './names.ts';
import { applyRevisionRoute, isServed, readRevisionRoute } from './revision-route.ts';
import type { RevisionRoute } from './revision-route.ts';
import { checkRouteName } from './route-spec.ts';
import { checkOneService, percentsText, wantedPercents } from './route-shares.ts';
import { callersAddress } from './route-services.ts';
import type { KserveSettings } from './settings.ts';
import { untilAnswer } from './waiting.ts';

/**
 * Weights for `revisions`: `canaryTrafficPercent` sets the newest version's share, and the split is
 * read from `status.components.predictor.traffic`, which Knative writes for what it routes.
 */
export function createRevisionTraffic(client: KubernetesClient, settings: KserveSettings): Traffic {
  return {
    set: (spec) => set(client, settings, spec),
    async read(name) {
      const route = await readRevisionRoute(client, name);
      return route === null ? null : readingOf(client, route);
    },
    remove: (name) => remove(client, settings, name),
  };
}

const armsOf = ({ newest, before }: RevisionRoute): readonly ArmFacts[] =>
  before === null ? [newest] : [newest, before];
const nameOf = ({ key, version }: ArmFacts) => armName(key, version);

async function set(
  client: KubernetesClient,
  { routeSecondsMax }: KserveSettings,
  spec: RouteSpec,
): Promise<RouteReading> {
  const shares = checkOneService(spec, client.namespace);
  let old: number | null = null;
  let told = 'no version is deployed';
  const write = (percentOf: (route: RevisionRoute) => number | null) =>
    untilAnswer(async () => {
      const route = await readRevisionRoute(client, spec.route);
      if (route === null || !isServed(route)) throw routeRefused(spec.route, told);
      const { service } = route;
      const { predictor } = service.spec;
      const arms = armsOf(route).map((facts) => ({ name: nameOf(facts) }));
      wantedPercents(spec.route, shares, arms);
      old = predictor.canaryTrafficPercent ?? null;
      const canaryPercent = percentOf(route);
      if (canaryPercent === old) return true;
      const change = { predictor, canaryPercent };
      return (await applyRevisionRoute(client, spec.route, change, service)) || null;
    }, routeSecondsMax);
  await write((route) => (route.before === null ? null : (shares.get(nameOf(route.newest)) ?? 0)));
  const asBefore: number | null = old;
  const reading = await untilAnswer(async () => {
    const route = await readRevisionRoute(client, spec.route);
    if (route === null) return null;
    told = `Knative serves ${percentsText(route.percents)}${route.newestReady ? '' : '; the newest revision is not ready'}`;
    return isSplit(route, shares) ? readingOf(client, route) : null;
  }, routeSecondsMax);
  if (reading !== null) return reading;
  await write(() => asBefore);
  throw routeRefused(spec.route, `${told} after ${routeSecondsMax} s`);
}

/** Until the newest revision is ready, its share goes to the newest ready one, whatever that is. */
function isSplit(route: RevisionRoute, shares: ReadonlyMap<string, number>): boolean {
  const exact = armsOf(route).every(
    (facts) => (route.percents.get(facts.key) ?? 0) === (shares.get(nameOf(facts)) ?? 0),
  );
  return exact && route.newestReady;
}

/** KServe's annotation to stop takes routes and servers away; the next deployment begins anew. */
async function remove(
  client: KubernetesClient,
  { routeSecondsMax }: KserveSettings,
  name: string,
): Promise<void> {
  checkRouteName(name);
  const gone = await untilAnswer(async () => {
    const route = await readRevisionRoute(client, name);
    if (route === null) return true;
    const { service } = route;
    if (!isServed(route)) return isQuiet(route) ? true : null;
    const { predictor } = service.spec;
    const canaryPercent = predictor.canaryTrafficPercent ?? null;
    await applyRevisionRoute(client, name, { predictor, canaryPercent, stopped: true }, service);
    return null;
  }, routeSecondsMax);
  if (gone === null) throw stillThere(`the route "${name}"`);
}

/** KServe says so itself: the condition `Stopped`. */
function isQuiet({ service }: RevisionRoute): boolean {
  return (service.status?.conditions ?? []).some(
    ({ type, status }) => type === 'Stopped' && status === 'True',
  );
}

function readingOf(client: KubernetesClient, route: RevisionRoute): RouteReading | null {
  const { url } = route.service.status ?? {};
  if (url === undefined || !isServed(route) || route.percents.size === 0) return null;
  const { namespace } = client;
  const service = route.service.metadata.name;
  const known = new Set(armsOf(route).map(({ key }) => key));
  const stranger = [...route.percents].find(([key, percent]) => percent > 0 && !known.has(key));
  if (stranger !== undefined) {
    throw new OrreryError(
      'PROXY_REFUSED',
      `Cannot read the split of "${route.route}": ${stranger[0]} still gets ${stranger[1]} %, wanted ${[...known].join(' and ')} alone`,
    );
  }
  return {
    route: route.route,
    arms: armsOf(route).map((facts) => ({
      version: facts.version,
      address: addressText({ namespace, service, arm: nameOf(facts) }),
      weightPercent: route.percents.get(facts.key) ?? 0,
    })),
    mirror: null,
    sticky: false,
    address: callersAddress(url),
  };
}
