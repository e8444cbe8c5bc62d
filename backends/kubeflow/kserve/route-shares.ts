import { OrreryError } from '../../../core/errors.ts';
import type { RouteSpec } from '../../../core/ports/traffic.ts';
import { routeRefused } from './failures.ts';
import { routeObject } from './names.ts';
import { checkRoute } from './route-spec.ts';

/**
 * Arm → percent of a route whose versions are all in its one InferenceService.
 *
 * @throws OrreryError WEIGHT_INVALID, REQUEST_INVALID, OPERATION_UNSUPPORTED for a mirror or stickiness
 */
export function checkOneService(spec: RouteSpec, namespace: string): ReadonlyMap<string, number> {
  const { route, arms, mirror } = checkRoute(spec, namespace);
  if (mirror !== null) {
    throw new OrreryError(
      'OPERATION_UNSUPPORTED',
      `Cannot mirror "${route}" to ${mirror.version}: KServe's canaries copy no requests; use the split "http-route", or mirror in the mesh`,
    );
  }
  const shares = new Map<string, number>();
  for (const { arm, service, version, percent } of arms) {
    if (arm === null || service !== routeObject(route, namespace)) {
      throw new OrreryError(
        'REQUEST_INVALID',
        `Cannot send "${route}" ${version} to ${service}: its servers are not those of this route`,
      );
    }
    shares.set(arm, percent);
  }
  return shares;
}

/** @throws OrreryError PROXY_REFUSED when a version that is to be served is not deployed */
export function wantedPercents(
  route: string,
  shares: ReadonlyMap<string, number>,
  arms: readonly { readonly name: string }[],
): void {
  const missing = [...shares.keys()].find((arm) => !arms.some(({ name }) => name === arm));
  if (missing !== undefined) throw routeRefused(route, `no version ${missing} is deployed`);
}

export function percentsText(split: ReadonlyMap<string, number>): string {
  return [...split].map(([arm, percent]) => `${arm} ${percent} %`).join(', ');
}
