import type { DeploySpec, EndpointReading, Serving } from '../../../core/ports/serving.ts';
import type { KubernetesClient } from '../../connections/kubernetes/client.ts';
import {
  deployFailure,
  deployTimeout,
  goneReading,
  notOurs,
  GONE_SECONDS_MAX,
  stillThere,
  takenByOther,
} from './failures.ts';
import { deploymentHealth } from './health.ts';
import type { Health } from './health.ts';
import {
  addressText,
  armAnnotations,
  isOurs,
  ourLabels,
  readArmFacts,
  versionObject,
} from './names.ts';
import type { ArmFacts } from './names.ts';
import { paths } from './objects.ts';
import type { Deployment, InferenceService } from './objects.ts';
import { API_VERSION, factsOf, predictorOf, STANDARD_ANNOTATIONS } from './predictor.ts';
import { checkModel } from './release.ts';
import type { KserveSettings } from './settings.ts';
import { untilAnswer } from './waiting.ts';

/** Keeps KServe from making a public route of its own: callers come through ours alone. */
const PRIVATE_LABEL = { 'networking.kserve.io/visibility': 'cluster-local' } as const;

/**
 * Servers for `http-route`: one InferenceService a version, in Standard mode, never changed after it
 * was made. It is created and not applied, because a conflict is what makes two callers one: whoever
 * comes second reads what is there and compares.
 *
 * starting (no Deployment, or not all servers available) → ready → gone (deleted); failed when the
 * model cannot be loaded, no runtime takes it, or the Deployment gave up. All of it is read from the
 * cluster; a worker that dies forgets nothing.
 */
export function createVersionServices(client: KubernetesClient, settings: KserveSettings): Serving {
  return {
    async deploy(spec) {
      const facts = factsOf(spec, await checkModel(settings, spec));
      let reason = 'nothing was seen';
      const reading = await untilAnswer(async () => {
        const found = await readService(client, spec.key);
        if (found === null) {
          await create(client, settings, spec, facts);
          return null;
        }
        if (found.service.metadata.deletionTimestamp !== undefined) {
          reason = 'the one before it is still being deleted';
          return null;
        }
        checkSame(spec, facts, found.service);
        ({ reason } = found.health);
        if (found.health.phase === 'failed') {
          throw deployFailure(spec, found.health, logUriOf(client, spec.key));
        }
        return found.health.phase === 'ready' ? readingOf(client, spec.key, found) : null;
      }, settings.readySecondsMax);
      if (reading === null) throw deployTimeout(spec, settings.readySecondsMax, reason);
      return reading;
    },
    async read(key) {
      return readingOf(client, key, await readService(client, key));
    },
    undeploy: (key) => undeploy(client, key),
  };
}

interface Found {
  readonly service: InferenceService;
  readonly health: Health;
}

async function readService(client: KubernetesClient, key: string): Promise<Found | null> {
  const { namespace } = client;
  const name = versionObject(key, namespace);
  const [service, deployment] = await Promise.all([
    client.get<InferenceService>(paths.inferenceService(namespace, name)),
    client.get<Deployment>(paths.deployment(namespace, predictorName(name))),
  ]);
  if (service === null) return null;
  return { service, health: deploymentHealth(deployment, service.status) };
}

async function create(
  client: KubernetesClient,
  settings: KserveSettings,
  spec: DeploySpec,
  facts: ArmFacts,
): Promise<void> {
  // null says that another caller was faster: the next reading compares.
  await client.create(paths.inferenceServices(client.namespace), {
    apiVersion: API_VERSION,
    kind: 'InferenceService',
    metadata: {
      name: versionObject(spec.key, client.namespace),
      namespace: client.namespace,
      labels: { ...ourLabels(spec), ...PRIVATE_LABEL },
      annotations: { ...STANDARD_ANNOTATIONS, ...armAnnotations(facts) },
    },
    spec: { predictor: predictorOf(settings, facts) },
  });
}

function checkSame(spec: DeploySpec, facts: ArmFacts, { metadata }: InferenceService): void {
  const found = readArmFacts(metadata.annotations);
  if (!isOurs(metadata.labels) || found === null) {
    throw takenByOther(spec, `InferenceService ${metadata.name} is not ours`);
  }
  if (found.spec !== facts.spec) {
    throw takenByOther(spec, `${found.version} is deployed under this key with another spec`);
  }
}

function readingOf(client: KubernetesClient, key: string, found: Found | null): EndpointReading {
  const logUri = logUriOf(client, key);
  if (found === null) return goneReading(key, logUri, 'there is no InferenceService');
  const { service, health } = found;
  const facts = readArmFacts(service.metadata.annotations);
  if (facts === null) return goneReading(key, logUri, 'the InferenceService is not ours');
  if (service.metadata.deletionTimestamp !== undefined) {
    return goneReading(key, logUri, 'the InferenceService is being deleted');
  }
  const { namespace } = client;
  return {
    key,
    phase: health.phase,
    address: addressText({ namespace, service: versionObject(key, namespace), arm: null }),
    version: facts.version,
    reason: health.reason,
    logUri,
  };
}

async function undeploy(client: KubernetesClient, key: string): Promise<void> {
  const name = versionObject(key, client.namespace);
  const path = paths.inferenceService(client.namespace, name);
  const found = await client.get<InferenceService>(path);
  if (found !== null) {
    if (!isOurs(found.metadata.labels)) throw notOurs(name);
    await client.remove(path, { uid: found.metadata.uid });
  }
  // The pods drain by their Deployment's end, which the garbage collector brings about after this.
  const deployment = paths.deployment(client.namespace, predictorName(name));
  const gone = await untilAnswer(async () => {
    const [service, servers] = await Promise.all([client.get(path), client.get(deployment)]);
    return service === null && servers === null ? true : null;
  }, GONE_SECONDS_MAX);
  if (gone === null) throw stillThere(`InferenceService ${name}`);
}

/** kserve v0.17.0 pkg/constants/constants.go, PredictorServiceName. */
export function predictorName(service: string, arm: string | null = null): string {
  return arm === null ? `${service}-predictor` : `${service}-${arm}-predictor`;
}

function logUriOf({ namespace }: KubernetesClient, key: string): string {
  return `k8s://${namespace}/deployments/${predictorName(versionObject(key, namespace))}`;
}
