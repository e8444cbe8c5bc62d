import { OrreryError } from '../../core/errors.ts';
import { LABELS } from '../../core/labels.ts';
import type { DeploySpec, EndpointReading, Serving } from '../../core/ports/serving.ts';
import { encodeLabelValue } from '../connections/google/labels.ts';
import {
  addressOf,
  checkRouteName,
  deployedModelId,
  displayNameOf,
  endpointId,
  endpointName,
  routeOfKey,
  versionOf,
} from './endpoint-names.ts';
import type { DeployedModel, Endpoint } from './messages.ts';
import { waitForOperation, waitUntilIdle } from './operations.ts';
import type { Patience } from './operations.ts';
import { ensureModel, modelName, servingOf, verifiedBytes } from './released-models.ts';
import type { Surroundings } from './released-models.ts';
import type { VertexSettings } from './settings.ts';

/** How often a deployment meets another operation on its endpoint before it gives up. */
const DEPLOY_TRIES_MAX = 100;
/** Longest wait of `undeploy` where the settings say nothing of serving. */
const UNDEPLOY_SECONDS_MAX = 1800;
const MANAGED = `labels.${LABELS.managed}="true"`;

/**
 * A key is a model deployed to the endpoint of its route, under an id that is derived from the key, and
 * without traffic. Nothing is remembered here: after a crash the next call finds what is there, waits
 * for the operation that runs, and goes on.
 */
export function createServing(world: Surroundings): Serving {
  const { settings, api } = world;
  const patience = (): Patience => ({
    pollMs: settings.pollSeconds * 1000,
    untilAt: Date.now() + (settings.serving?.deployTimeoutSeconds ?? UNDEPLOY_SECONDS_MAX) * 1000,
  });
  return {
    async deploy(spec) {
      const route = `${spec.model}.${spec.region}`;
      checkRouteName(route);
      const bytes = await verifiedBytes(world, spec);
      const until = patience();
      await ensureEndpoint(world, route, until);
      const model = modelName(settings, spec);
      // A taken key is told before anything is uploaded for it.
      const present = deployedIn(await api.endpoints.get(endpointName(settings, route)), spec.key);
      if (present !== null) checkModel(present, model, spec);
      else await ensureModel(world, spec, bytes, until);
      return deployModel(world, spec, model, until);
    },
    async read(key) {
      const found = await findDeployed(world, key);
      if (found !== null) return readingOf(key, found.endpoint, found.deployed);
      const starting = await isBusy(world, key);
      const version = key.split('.').slice(2).join('.');
      const logUri = consoleUri(settings, '');
      return starting
        ? { key, phase: 'starting', address: null, version, reason: 'an operation runs', logUri }
        : { key, phase: 'gone', address: null, version, reason: 'nothing is deployed', logUri };
    },
    async undeploy(key) {
      const until = patience();
      // A deployment that a dead caller has started would come up after us.
      for (const name of await endpointsOf(world, key)) await waitUntilIdle(api, name, until);
      for (let tries = 1; tries <= DEPLOY_TRIES_MAX; tries += 1) {
        const found = await findDeployed(world, key);
        if (found === null) return;
        await undeployModel(world, key, found, until);
      }
    },
  };
}

async function ensureEndpoint(
  { settings, api }: Surroundings,
  route: string,
  until: Patience,
): Promise<void> {
  const name = endpointName(settings, route);
  if ((await api.endpoints.get(name)) !== null) return;
  const [model = '', region = ''] = route.split('.');
  const operation = await api.endpoints.create(endpointId(route), {
    displayName: route,
    labels: {
      [LABELS.managed]: 'true',
      [LABELS.model]: encodeLabelValue(model).slice(0, 63),
      'orrery-region': encodeLabelValue(region).slice(0, 63),
    },
  });
  if (operation !== null)
    await waitForOperation(api, `create the endpoint of ${route}`, operation, until);
  else await waitUntilIdle(api, name, until);
}

/** @throws OrreryError NAME_TAKEN, MODEL_INVALID, CAPACITY_MISSING, BACKEND_UNAVAILABLE */
async function deployModel(
  { settings, api }: Surroundings,
  spec: DeploySpec,
  model: string,
  until: Patience,
): Promise<EndpointReading> {
  const serving = servingOf(settings);
  const endpoint = endpointName(settings, `${spec.model}.${spec.region}`);
  const action = `deploy ${spec.model}/${spec.version} to ${endpoint}`;
  for (let tries = 1; ; tries += 1) {
    const found = await api.endpoints.get(endpoint);
    const deployed = deployedIn(found, spec.key);
    if (found !== null && deployed !== null) {
      checkModel(deployed, model, spec);
      return readingOf(spec.key, found, deployed);
    }
    if (tries > DEPLOY_TRIES_MAX || Date.now() >= until.untilAt) throw neverMine(action);
    const operation = await api.endpoints.deploy(endpoint, {
      id: deployedModelId(spec.key),
      model,
      displayName: displayNameOf(spec.model, spec.version),
      dedicatedResources: {
        machineSpec: { machineType: serving.machineType },
        minReplicaCount: serving.replicasMin,
        maxReplicaCount: serving.replicasMax,
      },
      ...(settings.serviceAccount !== undefined && { serviceAccount: settings.serviceAccount }),
    });
    if (operation === null) await waitUntilIdle(api, endpoint, until);
    else await waitForOperation(api, action, operation, until);
  }
}

async function undeployModel(
  { api }: Surroundings,
  key: string,
  { endpoint, deployed }: Found,
  until: Patience,
): Promise<void> {
  const name = endpoint.name ?? '';
  const id = deployed.id ?? '';
  const share = endpoint.trafficSplit?.[id] ?? 0;
  if (share > 0 && (endpoint.deployedModels ?? []).length > 1) {
    throw new OrreryError(
      'ORDER_REFUSED',
      `Cannot undeploy "${key}": ${share} % of the traffic of ${endpoint.displayName} goes to it, wanted 0 %`,
    );
  }
  const operation = await api.endpoints.undeploy(name, id);
  if (operation === null) await waitUntilIdle(api, name, until);
  else await waitForOperation(api, `undeploy "${key}"`, operation, until);
}

interface Found {
  readonly endpoint: Endpoint;
  readonly deployed: DeployedModel;
}

/** By the route in the key, or, for a key without one, on any endpoint of ours. */
async function findDeployed({ settings, api }: Surroundings, key: string): Promise<Found | null> {
  const route = routeOfKey(key);
  const named = route === null ? null : await api.endpoints.get(endpointName(settings, route));
  const candidates = deployedIn(named, key) === null ? await api.endpoints.list(MANAGED) : [named];
  for (const endpoint of candidates) {
    const deployed = deployedIn(endpoint, key);
    if (endpoint !== null && deployed !== null) return { endpoint, deployed };
  }
  return null;
}

async function endpointsOf(
  { settings, api }: Surroundings,
  key: string,
): Promise<readonly string[]> {
  const route = routeOfKey(key);
  if (route !== null) return [endpointName(settings, route)];
  return (await api.endpoints.list(MANAGED)).map(({ name }) => name ?? '');
}

async function isBusy(world: Surroundings, key: string): Promise<boolean> {
  const route = routeOfKey(key);
  if (route === null) return false;
  return (await world.api.operations.running(endpointName(world.settings, route))).length > 0;
}

function deployedIn(endpoint: Endpoint | null, key: string): DeployedModel | null {
  const id = deployedModelId(key);
  return (endpoint?.deployedModels ?? []).find((deployed) => deployed.id === id) ?? null;
}

/** The far side may add the version of the model resource: `…/models/m12@1`. */
function checkModel(deployed: DeployedModel, model: string, { key }: DeploySpec): void {
  if (deployed.model?.split('@')[0] === model) return;
  throw new OrreryError(
    'NAME_TAKEN',
    `Cannot deploy as "${key}": ${deployed.displayName} is deployed under this key from ${deployed.model}, wanted ${model} or none`,
  );
}

function readingOf(key: string, endpoint: Endpoint, deployed: DeployedModel): EndpointReading {
  return {
    key,
    phase: 'ready',
    address: addressOf(endpoint.name ?? '', deployed.id ?? ''),
    version: versionOf(deployed.displayName),
    reason: 'deployed',
    logUri: consoleUri(null, endpoint.name ?? ''),
  };
}

function consoleUri(settings: VertexSettings | null, name: string): string {
  const [, project, location, id] =
    /^projects\/([^/]+)\/locations\/([^/]+)\/endpoints\/(.+)$/.exec(name) ?? [];
  const base = 'https://console.cloud.google.com/vertex-ai';
  if (id === undefined) return `${base}/online-prediction/endpoints?project=${settings?.project}`;
  return `${base}/locations/${location}/endpoints/${id}?project=${project}`;
}

function neverMine(action: string): OrreryError {
  return new OrreryError(
    'BACKEND_UNAVAILABLE',
    `Cannot ${action}: other operations kept the endpoint busy, wanted a moment without one`,
  );
}
