import {
  CreateEndpointCommand,
  CreateEndpointConfigCommand,
  DeleteEndpointCommand,
  DescribeEndpointCommand,
  DescribeEndpointConfigCommand,
  UpdateEndpointCommand,
  UpdateEndpointWeightsAndCapacitiesCommand,
} from '@aws-sdk/client-sagemaker';
import type {
  DescribeEndpointConfigOutput,
  DescribeEndpointOutput,
  DesiredWeightAndCapacity,
} from '@aws-sdk/client-sagemaker';
import { setTimeout as sleep } from 'node:timers/promises';
import { OrreryError } from '../../core/errors.ts';
import { LABELS } from '../../core/labels.ts';
import { awsError, isMissing, isNamed } from '../connections/aws/errors.ts';
import type { FarSide } from './far-side.ts';
import { tagList } from './tags.ts';
import { configName } from './variants.ts';
import type { WantedVariants } from './variants.ts';

/** Longest wait for an endpoint to settle in one call; the caller's retry waits on. */
const SETTLE_MS_MAX = 900_000;
/** EndpointStatus values under which AWS carries something out by itself. */
const MOVING = new Set(['Creating', 'Updating', 'SystemUpdating', 'RollingBack', 'Deleting']);

/** An endpoint with the configuration that it names. */
export interface Endpoint {
  readonly name: string;
  readonly told: DescribeEndpointOutput;
  readonly config: DescribeEndpointConfigOutput;
}

/** null when there is no such endpoint. */
export async function findEndpoint(far: FarSide, name: string): Promise<Endpoint | null> {
  try {
    const told = await far.sagemaker.send(new DescribeEndpointCommand({ EndpointName: name }));
    const config = await far.sagemaker.send(
      new DescribeEndpointConfigCommand({ EndpointConfigName: told.EndpointConfigName }),
    );
    return { name, told, config };
  } catch (error) {
    if (isMissing(error)) return null;
    throw awsError(error, `read the endpoint "${name}"`);
  }
}

/**
 * Waits while AWS changes the endpoint, on whoever's order.
 *
 * @throws OrreryError PROXY_REFUSED for a state that only a person can end, DEPLOY_FAILED when it takes too long
 */
export async function settledEndpoint(far: FarSide, name: string): Promise<Endpoint | null> {
  const until = Date.now() + SETTLE_MS_MAX;
  for (;;) {
    const endpoint = await findEndpoint(far, name);
    const status = endpoint?.told.EndpointStatus ?? 'InService';
    if (!MOVING.has(status)) {
      if (status === 'InService') return endpoint;
      throw new OrreryError(
        'PROXY_REFUSED',
        `Cannot use the endpoint "${name}": it is ${status} (${endpoint?.told.FailureReason ?? 'no reason'}), wanted InService; a person must look at it and delete it`,
      );
    }
    if (Date.now() >= until) {
      throw new OrreryError(
        'DEPLOY_FAILED',
        `Cannot use the endpoint "${name}": it is still ${status} after ${SETTLE_MS_MAX / 1000} s, wanted InService`,
      );
    }
    await sleep(far.settings.pollMs);
  }
}

/** Writes the configuration of these variants, unless it is there. Returns its name. */
export async function ensureConfig(
  far: FarSide,
  route: string,
  { arms, shadows }: WantedVariants,
): Promise<string> {
  const name = configName(route, { arms, shadows });
  const command = new CreateEndpointConfigCommand({
    EndpointConfigName: name,
    ProductionVariants: [...arms],
    ...(shadows.length === 0 ? {} : { ShadowProductionVariants: [...shadows] }),
    Tags: tagList({ [LABELS.managed]: 'true' }),
  });
  try {
    await far.sagemaker.send(command);
  } catch (error) {
    // The name is the digest of the content, so what is there is the same.
    const exists = error instanceof Error && /already existing/i.test(error.message);
    if (!exists) throw awsError(error, `write the endpoint configuration "${name}"`);
  }
  return name;
}

export async function createEndpoint(far: FarSide, name: string, config: string): Promise<void> {
  const command = new CreateEndpointCommand({
    EndpointName: name,
    EndpointConfigName: config,
    Tags: tagList({ [LABELS.managed]: 'true' }),
  });
  try {
    await far.sagemaker.send(command);
  } catch (error) {
    // Another caller was faster; the reading afterwards tells with what.
    const exists = error instanceof Error && /already existing/i.test(error.message);
    if (!exists) throw awsError(error, `create the endpoint "${name}"`);
  }
}

export async function updateEndpoint(far: FarSide, name: string, config: string): Promise<void> {
  const command = new UpdateEndpointCommand({ EndpointName: name, EndpointConfigName: config });
  await bearingOthers(far.sagemaker.send(command), `update the endpoint "${name}"`);
}

export async function updateWeights(
  far: FarSide,
  name: string,
  weights: DesiredWeightAndCapacity[],
): Promise<void> {
  const command = new UpdateEndpointWeightsAndCapacitiesCommand({
    EndpointName: name,
    DesiredWeightsAndCapacities: weights,
  });
  await bearingOthers(far.sagemaker.send(command), `shift the endpoint "${name}"`);
}

/** AWS takes one change at a time: a second one is refused while the first runs, and tried again. */
async function bearingOthers(order: Promise<unknown>, action: string): Promise<void> {
  try {
    await order;
  } catch (error) {
    const busy = error instanceof Error && /in-progress|updating/i.test(error.message);
    if (busy && isNamed(error, 'ValidationException')) return;
    throw awsError(error, action);
  }
}

/** Idempotent; returns when the endpoint is gone. */
export async function deleteEndpoint(far: FarSide, name: string): Promise<void> {
  const before = await waitWhileMoving(far, name);
  if (before === null) return;
  try {
    await far.sagemaker.send(new DeleteEndpointCommand({ EndpointName: name }));
  } catch (error) {
    if (!isMissing(error)) throw awsError(error, `remove the endpoint "${name}"`);
  }
  const left = await waitWhileMoving(far, name);
  if (left === null) return;
  throw new OrreryError(
    'PROXY_REFUSED',
    `Cannot remove the endpoint "${name}": it is ${left.told.EndpointStatus}, wanted gone`,
  );
}

async function waitWhileMoving(far: FarSide, name: string): Promise<Endpoint | null> {
  const until = Date.now() + SETTLE_MS_MAX;
  for (;;) {
    const endpoint = await findEndpoint(far, name);
    const moving = endpoint !== null && MOVING.has(endpoint.told.EndpointStatus ?? '');
    if (!moving || Date.now() >= until) return endpoint;
    await sleep(far.settings.pollMs);
  }
}
