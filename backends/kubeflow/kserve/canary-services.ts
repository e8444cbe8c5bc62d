import { OrreryError } from '../../../core/errors.ts';
import { routeName } from '../../../core/ids.ts';
import type { EndpointReading, Serving } from '../../../core/ports/serving.ts';
import type { KubernetesClient } from '../../connections/kubernetes/client.ts';
import {
  applyCanaryRoute,
  armHealth,
  canaryRouteOf,
  deploymentPath,
  isServed,
  readCanaryRoute,
} from './canary-route.ts';
import type { CanaryArm, CanaryRoute } from './canary-route.ts';
import { readSplit } from './canary-traffic.ts';
import {
  deployFailure,
  deployTimeout,
  goneReading,
  GONE_SECONDS_MAX,
  stillThere,
  takenByOther,
} from './failures.ts';
import type { Health } from './health.ts';
import { addressText, armName } from './names.ts';
import { paths } from './objects.ts';
import { factsOf, predictorOf } from './predictor.ts';
import { checkModel } from './release.ts';
import { isGoing, isStopped, listRouteServices } from './route-services.ts';
import type { KserveSettings } from './settings.ts';
import { untilAnswer } from './waiting.ts';

/** Servers for `canaries`; see `CanaryRoute` for how versions become predictors. */
export function createCanaryServices(client: KubernetesClient, settings: KserveSettings): Serving {
  return {
    async deploy(spec) {
      const facts = factsOf(spec, await checkModel(settings, spec));
      const name = armName(spec.key, spec.version);
      const arm: CanaryArm = { name, facts, predictor: predictorOf(settings, facts) };
      let reason = 'nothing was seen';
      const reading = await untilAnswer(async () => {
        const route = await readCanaryRoute(client, routeName(spec));
        const own = route === null ? undefined : armByKey(route, spec.key);
        if (route === null || !isServed(route) || own === undefined) {
          await add(client, settings, routeName(spec), route, arm);
          return null;
        }
        if (own.facts.spec !== facts.spec) {
          throw takenByOther(
            spec,
            `${own.facts.version} is deployed under this key with another spec`,
          );
        }
        const health = await armHealth(client, route, own);
        ({ reason } = health);
        const logUri = logUriOf(client, route.service.metadata.name, name);
        if (health.phase === 'failed') throw deployFailure(spec, health, logUri);
        return health.phase === 'ready' ? readingOf(client, route, own, health) : null;
      }, settings.readySecondsMax);
      if (reading === null) throw deployTimeout(spec, settings.readySecondsMax, reason);
      return reading;
    },
    async read(key) {
      const found = await find(client, key);
      if (found === null || !isServed(found.route)) {
        const told = found === null ? 'no InferenceService has this version' : 'it is stopped';
        return goneReading(key, logUriOf(client, '-', '-'), told);
      }
      const { route, arm } = found;
      return readingOf(client, route, arm, await armHealth(client, route, arm));
    },
    undeploy: (key) => undeploy(client, settings, key),
  };
}

const armsOf = ({ stable, canaries }: CanaryRoute): readonly CanaryArm[] => [stable, ...canaries];
const armByKey = (route: CanaryRoute, key: string) =>
  armsOf(route).find(({ facts }) => facts.key === key);

/** A version without a route makes it; one with a route begins as a canary that gets nothing. */
async function add(
  client: KubernetesClient,
  { replicas }: KserveSettings,
  route: string,
  found: CanaryRoute | null,
  arm: CanaryArm,
): Promise<void> {
  if (found !== null && isGoing(found.service)) return;
  const change =
    found === null || isStopped(found.service)
      ? { stable: arm, canaries: [] }
      : { stable: found.stable, canaries: [...found.canaries, { ...arm, percent: 0 }] };
  await applyCanaryRoute(client, route, change, found?.service ?? null, replicas);
}

async function find(
  client: KubernetesClient,
  key: string,
): Promise<{ readonly route: CanaryRoute; readonly arm: CanaryArm } | null> {
  for (const service of await listRouteServices(client)) {
    const route = canaryRouteOf(service.route, service);
    const arm = route === null ? undefined : armByKey(route, key);
    if (route !== null && arm !== undefined) return { route, arm };
  }
  return null;
}

async function undeploy(
  client: KubernetesClient,
  { replicas }: KserveSettings,
  key: string,
): Promise<void> {
  const left = new Set<string>();
  const gone = await untilAnswer(async () => {
    const found = await find(client, key);
    if (found !== null) {
      const { service } = found.route;
      left.add(deploymentPath(client, service.metadata.name, found.arm.name));
      if (!isGoing(service)) await takeOut(client, found.route, found.arm, replicas);
      return null;
    }
    const servers = await Promise.all([...left].map((path) => client.get(path)));
    return servers.every((server) => server === null) ? true : null;
  }, GONE_SECONDS_MAX);
  if (gone === null) throw stillThere(`the version under the key "${key}"`);
}

async function takeOut(
  client: KubernetesClient,
  route: CanaryRoute,
  arm: CanaryArm,
  replicas: number,
): Promise<void> {
  const { service, stable, canaries } = route;
  const others = canaries.filter(({ name }) => name !== arm.name);
  const stopped = isStopped(service);
  if (arm.name !== stable.name) {
    const change = { stable, canaries: others, stopped };
    await applyCanaryRoute(client, route.route, change, service, replicas);
    return;
  }
  const [heir] = others;
  if (heir === undefined) {
    const { name, uid } = service.metadata;
    await client.remove(paths.inferenceService(client.namespace, name), { uid });
    return;
  }
  const next = stopped ? heir : await servingAlone(client, route);
  const change = {
    stable: next,
    canaries: others.filter(({ name }) => name !== next.name),
    stopped,
  };
  await applyCanaryRoute(client, route.route, change, service, replicas);
}

/** The canary that has all of the traffic: only it can take the stable one's place unnoticed. */
async function servingAlone(client: KubernetesClient, route: CanaryRoute): Promise<CanaryArm> {
  const split = await readSplit(client, route);
  const alone = route.canaries.find(({ name }) => split?.get(name) === 100);
  if (alone !== undefined) return alone;
  throw new OrreryError(
    'OPERATION_UNSUPPORTED',
    `Cannot undeploy ${route.stable.facts.version} of "${route.route}": it is the stable version, wanted 100 % of the traffic on another one first`,
  );
}

function readingOf(
  client: KubernetesClient,
  { service }: CanaryRoute,
  { name, facts }: CanaryArm,
  { phase, reason }: Health,
): EndpointReading {
  const { namespace } = client;
  return {
    key: facts.key,
    phase,
    address: addressText({ namespace, service: service.metadata.name, arm: name }),
    version: facts.version,
    reason,
    logUri: logUriOf(client, service.metadata.name, name),
  };
}

function logUriOf({ namespace }: KubernetesClient, service: string, arm: string): string {
  return `k8s://${namespace}/deployments/${service}-${arm}-predictor`;
}
