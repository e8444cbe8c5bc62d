import type { Message } from './protos.ts';
import { timestamp, V1 } from './protos.ts';
import { StatusError } from './wire.ts';
import type { Handlers } from './wire.ts';
import { labelsOf } from './world.ts';
import type { Resource, VertexWorld } from './world.ts';

const ENDPOINT_ID_PATTERN = /^(?:[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?|[1-9][0-9]{0,8})$/;
const DEPLOYED_ID_PATTERN = /^[0-9]{1,10}$/;
/** What Vertex AI says when a server of a model does not come up. */
const NEVER_READY =
  'Model server never became ready. Please validate that your model file or container configuration are valid.';

type Split = Readonly<Record<string, number>>;

/** google.cloud.aiplatform.v1.EndpointService. */
export function endpointService(world: VertexWorld): Handlers {
  const get = (name: unknown) => {
    world.settleOperations();
    return world.endpoints.get(name);
  };
  return {
    CreateEndpoint: ({ parent, endpoint, endpointId }) =>
      createEndpoint(world, String(parent), endpoint as Message, endpointId),
    GetEndpoint: ({ name }) => get(name).message,
    ListEndpoints: (request) => {
      world.settleOperations();
      const { page, nextPageToken } = world.endpoints.list(request);
      return { endpoints: page.map(({ message }) => message), nextPageToken };
    },
    UpdateEndpoint: ({ endpoint, updateMask }) =>
      updateEndpoint(
        world,
        get((endpoint as Message)['name']),
        endpoint as Message,
        updateMask as Message,
      ),
    DeleteEndpoint: ({ name }) => {
      const found = get(name);
      if (deployedOf(found).length > 0) {
        throw new StatusError(
          'FAILED_PRECONDITION',
          `Endpoint "${found.name}" has deployed models.`,
        );
      }
      return world.startOperation(found.name, () => {
        world.endpoints.delete(found.name);
        return { type: 'google.protobuf.Empty', message: {} };
      });
    },
    DeployModel: ({ endpoint, deployedModel, trafficSplit }) =>
      deploy(world, get(endpoint), deployedModel as Message, trafficSplit as Split | undefined),
    UndeployModel: ({ endpoint, deployedModelId, trafficSplit }) =>
      undeploy(world, get(endpoint), String(deployedModelId), trafficSplit as Split | undefined),
    MutateDeployedModel: ({ endpoint, deployedModel, updateMask }) =>
      mutate(world, get(endpoint), deployedModel as Message, updateMask as Message),
  };
}

function createEndpoint(
  world: VertexWorld,
  parent: string,
  endpoint: Message,
  id: unknown,
): Message {
  const chosen = String(id ?? world.newId());
  if (!ENDPOINT_ID_PATTERN.test(chosen)) {
    throw new StatusError('INVALID_ARGUMENT', `endpoint_id "${chosen}" is invalid.`);
  }
  const name = `${parent}/endpoints/${chosen}`;
  world.settleOperations();
  if (world.endpoints.items.has(name)) {
    throw new StatusError('ALREADY_EXISTS', `The endpoint "${name}" already exists.`);
  }
  return world.startOperation(name, () => {
    if (world.endpoints.items.has(name)) {
      throw new StatusError('ALREADY_EXISTS', `The endpoint "${name}" already exists.`);
    }
    const message = { ...endpoint, name, etag: '1', createTime: timestamp(world.birth()) };
    const labels = labelsOf(endpoint);
    world.endpoints.add({ name, labels, message, bornAt: world.now(), hiddenFor: 0 });
    return { type: `${V1}.Endpoint`, message };
  });
}

/** UpdateEndpoint: a mask is required, and an etag that is given must be the present one. */
function updateEndpoint(
  world: VertexWorld,
  found: Resource,
  endpoint: Message,
  mask: Message,
): Message {
  const paths = (mask?.['paths'] ?? []) as string[];
  if (paths.length === 0) throw new StatusError('INVALID_ARGUMENT', 'update_mask is required.');
  if (endpoint['etag'] && endpoint['etag'] !== found.message['etag']) {
    throw new StatusError(
      'ABORTED',
      `The etag ${String(endpoint['etag'])} is not the current one.`,
    );
  }
  for (const path of paths) {
    if (path === 'traffic_split') {
      const split = (endpoint['trafficSplit'] ?? {}) as Split;
      checkSplit(found, split);
      change(found, { trafficSplit: split });
      world.note('split', found);
    } else if (path === 'labels') {
      change(found, { labels: labelsOf(endpoint) });
    } else {
      throw new StatusError('INVALID_ARGUMENT', `The field "${path}" cannot be updated.`);
    }
  }
  return found.message;
}

function deploy(
  world: VertexWorld,
  found: Resource,
  deployed: Message,
  split: Split | undefined,
): Message {
  refuseWhileBusy(world, found);
  const id = String(deployed['id'] ?? world.newId());
  if (!DEPLOYED_ID_PATTERN.test(id)) {
    throw new StatusError('INVALID_ARGUMENT', `DeployedModel.id "${id}" is invalid.`);
  }
  const isThere = () => deployedOf(found).some((other) => other['id'] === id);
  if (isThere()) {
    throw new StatusError('ALREADY_EXISTS', `DeployedModel ${id} already exists in ${found.name}.`);
  }
  const model = world.models.get(deployed['model']);
  world.refuseWithoutCapacity();
  return world.startOperation(found.name, () => {
    const artifact = world.objects.get(`${String(model.message['artifactUri'])}/model.onnx`);
    if (artifact === undefined || !isWhole(artifact)) {
      throw new StatusError('FAILED_PRECONDITION', NEVER_READY);
    }
    const message = { ...deployed, id, modelVersionId: '1', createTime: timestamp(world.birth()) };
    const trafficSplit = split === undefined ? {} : { trafficSplit: renamed(split, id) };
    change(found, { deployedModels: [...deployedOf(found), message], ...trafficSplit });
    return { type: `${V1}.DeployModelResponse`, message: { deployedModel: message } };
  });
}

/** A model of the double is JSON; one that was cut off is none. */
function isWhole(bytes: Uint8Array): boolean {
  try {
    JSON.parse(Buffer.from(bytes).toString('utf8'));
    return true;
  } catch {
    return false;
  }
}

/** "0" stands for the model that is being deployed (DeployModelRequest.traffic_split). */
const renamed = (split: Split, id: string): Split =>
  Object.fromEntries(
    Object.entries(split).map(([name, share]) => [name === '0' ? id : name, share]),
  );

function undeploy(
  world: VertexWorld,
  found: Resource,
  id: string,
  split: Split | undefined,
): Message {
  refuseWhileBusy(world, found);
  const others = deployedOf(found).filter((deployed) => deployed['id'] !== id);
  if (others.length === deployedOf(found).length) {
    throw new StatusError('NOT_FOUND', `DeployedModel ${id} was not found in ${found.name}.`);
  }
  const next = split ?? splitOf(found);
  if ((next[id] ?? 0) > 0 && others.length > 0) {
    throw new StatusError(
      'FAILED_PRECONDITION',
      `DeployedModel ${id} has traffic assigned to it; unassign it before it is undeployed.`,
    );
  }
  return world.startOperation(found.name, () => {
    const left = Object.entries(next).filter(([name]) => name !== id);
    const trafficSplit = others.length === 0 ? {} : Object.fromEntries(left);
    change(found, { deployedModels: others, trafficSplit });
    world.note('undeployed', found);
    return { type: `${V1}.UndeployModelResponse`, message: {} };
  });
}

/** Replicas, autoscaling and logging alone: it cannot change traffic (endpoint_service.proto). */
function mutate(world: VertexWorld, found: Resource, deployed: Message, mask: Message): Message {
  refuseWhileBusy(world, found);
  const allowed = /replica_count|autoscaling_metric_specs|disable_container_logging/;
  const bad = ((mask?.['paths'] ?? []) as string[]).find((path) => !allowed.test(path));
  if (bad !== undefined) {
    throw new StatusError('INVALID_ARGUMENT', `The field "${bad}" cannot be mutated.`);
  }
  return world.startOperation(found.name, () => ({
    type: `${V1}.MutateDeployedModelResponse`,
    message: { deployedModel: deployed },
  }));
}

function refuseWhileBusy(world: VertexWorld, found: Resource): void {
  const busy = world.operationsOf(found.name).filter((operation) => operation['done'] !== true);
  if (busy.length === 0) return;
  throw new StatusError(
    'FAILED_PRECONDITION',
    `There are other operations running on the Endpoint "${found.name}". Operation(s) are: ${busy.map(({ name }) => name).join(', ')}`,
  );
}

const deployedOf = (found: Resource) => (found.message['deployedModels'] ?? []) as Message[];
const splitOf = (found: Resource) => (found.message['trafficSplit'] ?? {}) as Split;

function checkSplit(found: Resource, split: Split): void {
  const shares = Object.entries(split);
  const sum = shares.reduce((total, [, share]) => total + share, 0);
  if (shares.length > 0 && sum !== 100) {
    throw new StatusError(
      'INVALID_ARGUMENT',
      `traffic_split must add up to 100, but it is ${sum}.`,
    );
  }
  const ids = deployedOf(found).map((deployed) => deployed['id']);
  const unknown = shares.find(([id]) => !ids.includes(id));
  if (unknown !== undefined) {
    throw new StatusError('INVALID_ARGUMENT', `DeployedModel ${unknown[0]} does not exist.`);
  }
}

function change(found: Resource, members: Message): void {
  const etag = String(Number(found.message['etag']) + 1);
  found.message = { ...found.message, ...members, etag };
}
