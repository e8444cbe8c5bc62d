import { OrreryError } from '../../../core/errors.ts';
import { routeName } from '../../../core/ids.ts';
import type { EndpointReading, Serving } from '../../../core/ports/serving.ts';
import type { KubernetesClient } from '../../connections/kubernetes/client.ts';
import {
  deployFailure,
  deployTimeout,
  goneReading,
  GONE_SECONDS_MAX,
  stillThere,
  takenByOther,
} from './failures.ts';
import { ready, revisionHealth } from './health.ts';
import type { Health } from './health.ts';
import { addressText, armName } from './names.ts';
import type { ArmFacts } from './names.ts';
import { paths } from './objects.ts';
import { factsOf, predictorOf } from './predictor.ts';
import { checkModel } from './release.ts';
import {
  applyRevisionRoute,
  isServed,
  readRevisionRoute,
  revisionRouteOf,
} from './revision-route.ts';
import type { RevisionRoute } from './revision-route.ts';
import { isGoing, isStopped, listRouteServices } from './route-services.ts';
import type { KserveSettings } from './settings.ts';
import { untilAnswer } from './waiting.ts';

/** Servers for `revisions`; see `RevisionRoute` for how versions become revisions. */
export function createRevisionServices(
  client: KubernetesClient,
  settings: KserveSettings,
): Serving {
  return {
    async deploy(spec) {
      const facts = factsOf(spec, await checkModel(settings, spec));
      let reason = 'nothing was seen';
      const reading = await untilAnswer(async () => {
        const route = await readRevisionRoute(client, routeName(spec));
        const own = route === null ? undefined : armByKey(route, spec.key);
        if (route === null || !isServed(route) || own === undefined) {
          reason = 'the version before it is not rolled out yet';
          await add(client, settings, routeName(spec), route, facts);
          return null;
        }
        if (own.spec !== facts.spec) {
          throw takenByOther(spec, `${own.version} is deployed under this key with another spec`);
        }
        const health = healthOf(route, own);
        ({ reason } = health);
        if (health.phase === 'failed') throw deployFailure(spec, health, logUriOf(client, route));
        return health.phase === 'ready' ? readingOf(client, route, own, health) : null;
      }, settings.readySecondsMax);
      if (reading === null) throw deployTimeout(spec, settings.readySecondsMax, reason);
      return reading;
    },
    async read(key) {
      const found = await find(client, key);
      if (found === null || !isServed(found.route)) {
        const told = found === null ? 'no InferenceService has this version' : 'it is stopped';
        return goneReading(key, logUriOf(client, found?.route ?? null), told);
      }
      return readingOf(client, found.route, found.facts, healthOf(found.route, found.facts));
    },
    async undeploy(key) {
      let touched: string | null = null;
      const gone = await untilAnswer(async () => {
        const found = await find(client, key);
        if (found === null) return touched === null || (await settle(client, touched)) || null;
        touched = found.route.route;
        if (!isGoing(found.route.service)) await takeOut(client, settings, found);
        return null;
      }, GONE_SECONDS_MAX);
      if (gone === null) throw stillThere(`the version under the key "${key}"`);
    },
  };
}

interface Found {
  readonly route: RevisionRoute;
  readonly facts: ArmFacts;
}

const armByKey = ({ newest, before }: RevisionRoute, key: string): ArmFacts | undefined =>
  [newest, before].find((facts) => facts?.key === key) ?? undefined;

/** A version that is kept beside the newest has been ready: that is how it came there. */
function healthOf(route: RevisionRoute, facts: ArmFacts): Health {
  if (facts.key !== route.newest.key) return ready('its revision is kept beside the newest one');
  return revisionHealth(route.service.status, route.newestReady);
}

/** A version without a route makes it; one with a route becomes its newest revision, and gets nothing. */
async function add(
  client: KubernetesClient,
  settings: KserveSettings,
  name: string,
  route: RevisionRoute | null,
  facts: ArmFacts,
): Promise<void> {
  const predictor = predictorOf(settings, facts);
  if (route === null || isStopped(route.service)) {
    const change = { predictor, canaryPercent: null };
    await applyRevisionRoute(client, name, change, route?.service ?? null);
    return;
  }
  if (isGoing(route.service)) return;
  const { newest, before, percents, service } = route;
  if (before !== null && percents.get(newest.key) !== 100) {
    throw new OrreryError(
      'OPERATION_UNSUPPORTED',
      `Cannot deploy ${facts.version} beside ${before.version} and ${newest.version} of "${name}": Knative mode holds two versions, wanted one of them undeployed or all traffic on ${newest.version}`,
    );
  }
  // Before a version is rolled out, KServe ignores the share and would give the new one everything.
  if (!route.newestReady || !route.isRolledOut) return;
  await applyRevisionRoute(client, name, { predictor, canaryPercent: 0 }, service);
}

async function find(client: KubernetesClient, key: string): Promise<Found | null> {
  for (const service of await listRouteServices(client)) {
    const route = await revisionRouteOf(client, service.route, service);
    const facts = route === null ? undefined : armByKey(route, key);
    if (route !== null && facts !== undefined) return { route, facts };
  }
  return null;
}

/**
 * One step towards a route without this version, by what is there now.
 *
 * The only version: the InferenceService goes. The one before: the newest becomes the only one, if it
 * is ready and has everything. The newest: its share goes to 0 first; then the predictor of the one
 * before is asked for again, still at 0, as a third revision; and only when that is ready it takes
 * over, since `latestRevision` means the newest *ready* one, which until then is the one that goes.
 */
async function takeOut(
  client: KubernetesClient,
  settings: KserveSettings,
  { route, facts }: Found,
): Promise<void> {
  const { newest, before, service, percents } = route;
  if (before === null || isStopped(service)) {
    const { name, uid } = service.metadata;
    await client.remove(paths.inferenceService(client.namespace, name), { uid });
    return;
  }
  const { predictor } = service.spec;
  if (facts.key === before.key) {
    if (!route.newestReady) return;
    if (percents.get(newest.key) !== 100) throw hasTraffic(route, before);
    await applyRevisionRoute(client, route.route, { predictor, canaryPercent: null }, service);
    return;
  }
  const change =
    percents.get(before.key) === 100
      ? { predictor: predictorOf(settings, before), canaryPercent: 0 }
      : { predictor, canaryPercent: 0 };
  await applyRevisionRoute(client, route.route, change, service);
}

/** A share that is left to nobody is taken away; true when there was nothing to do. */
async function settle(client: KubernetesClient, name: string): Promise<boolean> {
  const route = await readRevisionRoute(client, name);
  if (route === null || !isServed(route)) return true;
  const { predictor } = route.service.spec;
  if (predictor.canaryTrafficPercent === undefined) return true;
  if (route.before !== null || !route.newestReady) return route.before !== null;
  await applyRevisionRoute(client, name, { predictor, canaryPercent: null }, route.service);
  return false;
}

function hasTraffic(route: RevisionRoute, { version }: ArmFacts): OrreryError {
  return new OrreryError(
    'OPERATION_UNSUPPORTED',
    `Cannot undeploy ${version} of "${route.route}": ${route.newest.version} would get its traffic, wanted 100 % of it there first`,
  );
}

function readingOf(
  client: KubernetesClient,
  route: RevisionRoute,
  { key, version }: ArmFacts,
  { phase, reason }: Health,
): EndpointReading {
  const { namespace } = client;
  const service = route.service.metadata.name;
  return {
    key,
    phase,
    address: addressText({ namespace, service, arm: armName(key, version) }),
    version,
    reason,
    logUri: logUriOf(client, route),
  };
}

function logUriOf({ namespace }: KubernetesClient, route: RevisionRoute | null): string {
  return `k8s://${namespace}/inferenceservices/${route?.service.metadata.name ?? '-'}`;
}
