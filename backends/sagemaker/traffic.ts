/**
 * A route is one endpoint; its arms are production variants, its mirror is a shadow variant.
 *
 * A change of variants is a configuration under the name of its content and an UpdateEndpoint: AWS
 * brings new machines up beside the old ones and keeps the old ones when the new do not become
 * healthy. A change of weights alone is UpdateEndpointWeightsAndCapacities, which is absolute and
 * may be repeated. Whatever was told, the answer is `CurrentWeight` as read afterwards.
 */
import type { DesiredWeightAndCapacity, ProductionVariant } from '@aws-sdk/client-sagemaker';
import { OrreryError } from '../../core/errors.ts';
import type { RouteReading, RouteSpec, Traffic } from '../../core/ports/traffic.ts';
import {
  createEndpoint,
  deleteEndpoint,
  ensureConfig,
  findEndpoint,
  settledEndpoint,
  updateEndpoint,
  updateWeights,
} from './endpoint.ts';
import type { Endpoint } from './endpoint.ts';
import type { FarSide } from './far-side.ts';
import { ADDRESS_SCHEME } from './serving.ts';
import { endpointName, versionOf, wantedVariants } from './variants.ts';
import type { WantedVariants } from './variants.ts';

/** Changes in a row that others may make to one endpoint before we give up. */
const ROUNDS_MAX = 5;
const PERCENT = 100;

export function createTraffic(far: FarSide): Traffic {
  return {
    set: (route) => setRoute(far, route),
    async read(route) {
      const endpoint = await findEndpoint(far, endpointName(route));
      return endpoint === null ? null : readingOf(far, route, endpoint);
    },
    remove: (route) => deleteEndpoint(far, endpointName(route)),
  };
}

async function setRoute(far: FarSide, spec: RouteSpec): Promise<RouteReading> {
  const wanted = wantedVariants(spec, far.settings);
  const name = endpointName(spec.route);
  let failure = 'somebody else keeps changing it';
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    const endpoint = await settledEndpoint(far, name);
    if (endpoint === null) {
      await createEndpoint(far, name, await ensureConfig(far, spec.route, wanted));
      continue;
    }
    if (!sameVariants(endpoint, wanted)) {
      const config = await ensureConfig(far, spec.route, wanted);
      await updateEndpoint(far, name, config);
      const updated = await settledEndpoint(far, name);
      const rolledBack = updated?.told.FailureReason;
      if (rolledBack !== undefined) throw refused(spec.route, rolledBack);
      continue;
    }
    const shifts = weightsToShift(endpoint, wanted);
    if (shifts.length === 0) return readingOf(far, spec.route, endpoint);
    failure = `its weights stay ${JSON.stringify(shifts)}`;
    await updateWeights(far, name, shifts);
  }
  throw refused(spec.route, failure);
}

/** Whether the endpoint has exactly these variants of these models, weights aside. */
function sameVariants({ config }: Endpoint, wanted: WantedVariants): boolean {
  const identity = (variants: readonly ProductionVariant[] | undefined) =>
    JSON.stringify(
      (variants ?? []).map(({ VariantName, ModelName, InstanceType }) => [
        VariantName,
        ModelName,
        InstanceType,
      ]),
    );
  const shadows = (variants: readonly ProductionVariant[] | undefined) =>
    JSON.stringify((variants ?? []).map(({ InitialVariantWeight: weight }) => weight));
  return (
    identity(config.ProductionVariants) === identity(wanted.arms) &&
    identity(config.ShadowProductionVariants) === identity(wanted.shadows) &&
    // The share of a mirror is that of its configuration.
    shadows(config.ShadowProductionVariants) === shadows(wanted.shadows)
  );
}

/** All weights and machine counts, when one of them is another than wanted; they are one order. */
function weightsToShift({ told }: Endpoint, { arms }: WantedVariants): DesiredWeightAndCapacity[] {
  const differs = arms.some(({ VariantName, InitialVariantWeight, InitialInstanceCount }) => {
    const now = told.ProductionVariants?.find((each) => each.VariantName === VariantName);
    return (
      now?.CurrentWeight !== InitialVariantWeight ||
      (now?.DesiredInstanceCount ?? InitialInstanceCount) !== InitialInstanceCount
    );
  });
  if (!differs) return [];
  return arms.map(({ VariantName, InitialVariantWeight, InitialInstanceCount }) => ({
    VariantName,
    DesiredWeight: InitialVariantWeight,
    DesiredInstanceCount: InitialInstanceCount,
  }));
}

/** Shares as the endpoint tells its weights now. */
function readingOf(far: FarSide, route: string, { name, told, config }: Endpoint): RouteReading {
  const { region } = far.settings.aws;
  const arms = told.ProductionVariants ?? [];
  const sum = arms.reduce((total, { CurrentWeight = 0 }) => total + CurrentWeight, 0);
  const modelOf = (variant: string | undefined) =>
    config.ProductionVariants?.find(({ VariantName }) => VariantName === variant)?.ModelName ?? '';
  const shadow = told.ShadowProductionVariants?.[0];
  const [arm] = arms;
  return {
    route,
    arms: arms.map(({ VariantName = '', CurrentWeight = 0 }) => ({
      version: versionOf(VariantName),
      address: `${ADDRESS_SCHEME}${modelOf(VariantName)}`,
      weightPercent: sum === 0 ? 0 : Math.round((CurrentWeight / sum) * PERCENT),
    })),
    mirror:
      shadow === undefined
        ? null
        : {
            version: versionOf(shadow.VariantName ?? ''),
            percent: ((shadow.CurrentWeight ?? 0) / (arm?.CurrentWeight ?? 1)) * PERCENT,
          },
    sticky: false,
    address: `https://runtime.sagemaker.${region}.amazonaws.com/endpoints/${name}/invocations`,
  };
}

function refused(route: string, reason: string): OrreryError {
  return new OrreryError(
    'PROXY_REFUSED',
    `Cannot set the route "${route}": SageMaker keeps the old variants (${reason}), wanted the new ones in service`,
  );
}
