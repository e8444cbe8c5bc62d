import type { ProductionVariant } from '@aws-sdk/client-sagemaker';
import { digestOf } from '../../core/canonical.ts';
import { OrreryError } from '../../core/errors.ts';
import { NAME_PATTERN } from '../../core/ids.ts';
import type { ArmSpec, RouteSpec } from '../../core/ports/traffic.ts';
import { checkSplit } from '../../core/rollout/ladder.ts';
import { ADDRESS_SCHEME } from './serving.ts';
import type { SagemakerSettings } from './settings.ts';

const SLUG_LENGTH_MAX = 40;
const DIGITS = 12;
const PERCENT = 100;

/** The variants of a route as an endpoint configuration holds them. */
export interface WantedVariants {
  readonly arms: readonly ProductionVariant[];
  readonly shadows: readonly ProductionVariant[];
}

/** One endpoint a route; the digest keeps `a-b.c` and `a.b-c` apart. */
export function endpointName(route: string): string {
  const slug = route.replaceAll('.', '-').slice(0, SLUG_LENGTH_MAX).replace(/-+$/, '');
  return `${slug}-${digestOf(['route', route]).slice(0, DIGITS)}`;
}

/** A configuration never changes, so its name is that of its content. */
export function configName(route: string, variants: WantedVariants): string {
  return `${endpointName(route)}-${digestOf([variants.arms, variants.shadows]).slice(0, 9)}`;
}

/** Versions hold dots and underscores, and may end in hyphens; names of variants may not. */
export function variantName(version: string): string {
  const escaped = version.replaceAll('.', 'D').replaceAll('_', 'U');
  return escaped.replace(/-+$/, (hyphens) => 'H'.repeat(hyphens.length));
}

export function versionOf(variant: string): string {
  return variant.replaceAll('D', '.').replaceAll('U', '_').replaceAll('H', '-');
}

/**
 * The variants that a route wants. With a mirror, SageMaker takes one production and one shadow
 * variant, so arms without weight are left out; the shadow's weight is its share of the arm's.
 *
 * @throws OrreryError REQUEST_INVALID, WEIGHT_INVALID, OPERATION_UNSUPPORTED
 */
export function wantedVariants(spec: RouteSpec, settings: SagemakerSettings): WantedVariants {
  checkRoute(spec);
  const { mirror } = spec;
  if (mirror === null) {
    return { arms: spec.arms.map((arm) => variant(arm, arm.weightPercent, settings)), shadows: [] };
  }
  const weighty = spec.arms.filter(({ weightPercent }) => weightPercent > 0);
  if (weighty.length !== 1 || mirror.percent === 0) {
    throw new OrreryError(
      'OPERATION_UNSUPPORTED',
      `Cannot mirror "${spec.route}": SageMaker shadows one variant that has all traffic, at more than 0 %; this route has ${weighty.length} with a weight and a mirror of ${mirror.percent} %`,
    );
  }
  return {
    arms: weighty.map((arm) => variant(arm, 1, settings)),
    shadows: [variant(mirror, mirror.percent / PERCENT, settings)],
  };
}

function variant(
  { version, address }: Pick<ArmSpec, 'version' | 'address'>,
  weight: number,
  { serving }: SagemakerSettings,
): ProductionVariant {
  if (!address.startsWith(ADDRESS_SCHEME)) {
    throw new OrreryError(
      'REQUEST_INVALID',
      `Cannot send traffic to "${address}": it is no model of SageMaker, wanted ${ADDRESS_SCHEME}<model>`,
    );
  }
  if (serving === undefined) {
    throw new OrreryError(
      'SETTINGS_INVALID',
      `Cannot send traffic to ${version}: the settings of sagemaker have no \`serving\`, wanted image and machine type`,
    );
  }
  return {
    VariantName: variantName(version),
    ModelName: address.slice(ADDRESS_SCHEME.length),
    InitialInstanceCount: serving.instanceCount,
    InstanceType: serving.instanceType as NonNullable<ProductionVariant['InstanceType']>,
    InitialVariantWeight: weight,
  };
}

function checkRoute(spec: RouteSpec): void {
  const parts = spec.route.split('.');
  if (parts.length !== 2 || !parts.every((part) => NAME_PATTERN.test(part))) {
    throw new OrreryError(
      'REQUEST_INVALID',
      `Cannot route "${spec.route}": it is no route, wanted <model>.<region>`,
    );
  }
  checkSplit(spec.route, spec.arms);
  const versions = spec.arms.map(({ version }) => version);
  if (new Set(versions).size !== versions.length) {
    throw new OrreryError(
      'WEIGHT_INVALID',
      `Cannot shift "${spec.route}": a version is named twice (${versions.join(', ')}), wanted one weight each`,
    );
  }
  if (spec.mirror !== null && !(spec.mirror.percent >= 0 && spec.mirror.percent <= PERCENT)) {
    throw new OrreryError(
      'WEIGHT_INVALID',
      `Cannot mirror ${spec.mirror.percent} % of "${spec.route}": a share is 0–100`,
    );
  }
  if (!spec.sticky) return;
  throw new OrreryError(
    'OPERATION_UNSUPPORTED',
    `Cannot keep customers of "${spec.route}" on one version: SageMaker draws a variant for each request`,
  );
}
