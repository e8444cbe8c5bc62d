import { hostOf } from './names.ts';
import type { BackendRef, RequestMirror } from './objects.ts';
import { ROUTE_ANNOTATION } from './predictor.ts';
import type { CheckedRoute, Share } from './route-spec.ts';
import type { KserveSettings } from './settings.ts';
import { predictorName } from './version-services.ts';

/** Service name → version, on the HTTPRoute: its own members have no room for a version. */
export const VERSIONS_ANNOTATION = 'orrery-versions';
/** kserve v0.17.0 pkg/constants/constants.go, CommonDefaultHttpPort. */
const SERVICE_PORT = 80;
/** Thousandths of a percent. */
const FRACTION_UNITS = 1000;

export type GatewaySettings = NonNullable<KserveSettings['gateway']>;

/** What of an HTTPRoute is ours to write. */
export interface Content {
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: object;
}

const serviceOf = ({ service }: Share) => predictorName(service);
const refOf = (share: Share) => ({
  group: '',
  kind: 'Service',
  name: serviceOf(share),
  port: SERVICE_PORT,
});

/** A whole percentage is a percentage; anything else a fraction. */
function shareMember(percent: number) {
  if (Number.isInteger(percent)) return { percent };
  return {
    fraction: {
      numerator: Math.round(percent * FRACTION_UNITS),
      denominator: 100 * FRACTION_UNITS,
    },
  };
}

export function mirroredPercent({ percent, fraction }: RequestMirror): number {
  if (fraction === undefined) return percent ?? 100;
  return (100 * fraction.numerator) / (fraction.denominator ?? 100);
}

export function contentOf(
  gateway: GatewaySettings,
  { route, arms, mirror }: CheckedRoute,
): Content {
  const shares = [...arms, ...(mirror === null ? [] : [mirror])];
  const versions = Object.fromEntries(shares.map((share) => [serviceOf(share), share.version]));
  const filters =
    mirror === null
      ? {}
      : {
          filters: [
            {
              type: 'RequestMirror',
              requestMirror: { backendRef: refOf(mirror), ...shareMember(mirror.percent) },
            },
          ],
        };
  return {
    annotations: {
      [ROUTE_ANNOTATION]: route,
      [VERSIONS_ANNOTATION]: JSON.stringify(versions),
    },
    spec: {
      parentRefs: [
        {
          group: 'gateway.networking.k8s.io',
          kind: 'Gateway',
          namespace: gateway.namespace,
          name: gateway.name,
          ...(gateway.listener === undefined ? {} : { sectionName: gateway.listener }),
        },
      ],
      hostnames: [hostOf(route, gateway.domain)],
      rules: [
        {
          matches: [{ path: { type: 'PathPrefix', value: '/' } }],
          ...filters,
          backendRefs: arms.map((share) => ({ ...refOf(share), weight: share.percent })),
        },
      ],
    },
  };
}

/**
 * Weights of an HTTPRoute are relative, and 1 when absent; shares are percent of their sum.
 * https://gateway-api.sigs.k8s.io/reference/spec/#backendref
 */
export function percentsOf(
  refs: readonly BackendRef[],
): { readonly name: string; readonly percent: number }[] {
  const sum = refs.reduce((total, { weight = 1 }) => total + weight, 0);
  return refs.map(({ name, weight = 1 }) => ({
    name,
    percent: sum === 0 ? 0 : (100 * weight) / sum,
  }));
}

export function parseVersions(text: string | undefined): Readonly<Record<string, string>> {
  try {
    return JSON.parse(text ?? '{}') as Record<string, string>;
  } catch {
    return {};
  }
}
