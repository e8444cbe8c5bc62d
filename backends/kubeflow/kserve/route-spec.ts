import { OrreryError } from '../../../core/errors.ts';
import { NAME_PATTERN } from '../../../core/ids.ts';
import type { RouteSpec } from '../../../core/ports/traffic.ts';
import { checkSplit } from '../../../core/rollout/ladder.ts';
import { parseAddress } from './names.ts';
import type { IsvcAddress } from './names.ts';

/** One share of a route, its address taken apart. */
export interface Share extends IsvcAddress {
  readonly version: string;
  readonly percent: number;
}

export interface CheckedRoute {
  readonly route: string;
  readonly arms: readonly Share[];
  readonly mirror: Share | null;
}

const NO_STICKINESS =
  'KServe has none, and sessionPersistence of the Gateway API (experimental, GEP-1619) follows a cookie or header of the gateway’s own, not the request header x-customer-id';

/**
 * @throws OrreryError WEIGHT_INVALID, REQUEST_INVALID for a route or an address that cannot be,
 * OPERATION_UNSUPPORTED for stickiness
 */
export function checkRoute(spec: RouteSpec, namespace: string): CheckedRoute {
  const { route, mirror } = spec;
  checkRouteName(route);
  checkSplit(route, spec.arms);
  const versions = spec.arms.map(({ version }) => version);
  if (new Set(versions).size !== versions.length) {
    throw new OrreryError(
      'WEIGHT_INVALID',
      `Cannot shift "${route}": a version is named twice (${versions.join(', ')}), wanted one weight each`,
    );
  }
  if (mirror !== null && !(mirror.percent >= 0 && mirror.percent <= 100)) {
    throw new OrreryError(
      'WEIGHT_INVALID',
      `Cannot mirror ${mirror.percent} % of "${route}" to ${mirror.version}: a share is 0–100`,
    );
  }
  if (spec.sticky) {
    throw new OrreryError(
      'OPERATION_UNSUPPORTED',
      `Cannot keep the customers of "${route}" on one arm: ${NO_STICKINESS}`,
    );
  }
  const shareOf = (version: string, address: string, percent: number): Share => {
    const parsed = parseAddress(route, version, address);
    if (parsed.namespace !== namespace) {
      throw new OrreryError(
        'REQUEST_INVALID',
        `Cannot send "${route}" ${version} to "${address}": our routes and servers lie in the namespace ${namespace}`,
      );
    }
    return { ...parsed, version, percent };
  };
  return {
    route,
    arms: spec.arms.map((arm) => shareOf(arm.version, arm.address, arm.weightPercent)),
    mirror: mirror && shareOf(mirror.version, mirror.address, mirror.percent),
  };
}

/** @throws OrreryError REQUEST_INVALID */
export function checkRouteName(route: string): void {
  const parts = route.split('.');
  if (parts.length === 2 && parts.every((part) => NAME_PATTERN.test(part))) return;
  throw new OrreryError(
    'REQUEST_INVALID',
    `Cannot route "${route}": it is no route, wanted <model>.<region>`,
  );
}
