import { isIP } from 'node:net';
import { randomBytes } from 'node:crypto';
import { digestOf } from '../../../core/canonical.ts';
import type { RouteSpec } from '../../../core/ports/traffic.ts';
import { CUSTOMER_HEADER, scorePath } from '../../../core/serving/score-path.ts';
import { socketAddress } from './bootstrap.ts';
import { METADATA_KEY, ROUTE_CONFIG_NAME } from './layout.ts';

/** Longest that a caller waits for an answer; later the proxy answers 504. */
export const REQUEST_SECONDS_MAX = 5;
const CONNECT_SECONDS_MAX = 1;
/** Shorter than the 72 s after which the scoring server closes a connection itself. */
const IDLE_SECONDS_MAX = 30;

/** One version of a route at one address. */
export interface Cluster {
  readonly '@type': string;
  readonly name: string;
  readonly metadata: {
    readonly filter_metadata: { readonly [METADATA_KEY]: ClusterFacts };
  };
  readonly [member: string]: unknown;
}

/** What a cluster is to us; it comes back in the proxy's config dump. */
export interface ClusterFacts {
  readonly route: string;
  readonly version: string;
  /** `host:port` */
  readonly address: string;
}

/** The members of Envoy's route that we write, and read back from its config dump. */
export interface Route {
  readonly name: string;
  readonly match: { readonly path: string };
  readonly route: {
    readonly weighted_clusters: {
      readonly clusters: readonly { readonly name: string; readonly weight?: number }[];
      readonly use_hash_policy?: boolean;
    };
    readonly request_mirror_policies?: readonly {
      readonly cluster: string;
      readonly runtime_fraction: {
        readonly default_value: { readonly numerator?: number; readonly denominator?: string };
      };
    }[];
    readonly [member: string]: unknown;
  };
}

/** A file of resources as Envoy reads it. Equal content has an equal version. */
export interface Discovery {
  readonly version_info: string;
  readonly resources: readonly unknown[];
}

export function discovery(resources: readonly unknown[]): Discovery {
  return { version_info: digestOf(resources).slice(0, 16), resources };
}

export function routeConfiguration(routes: readonly Route[]): object {
  return {
    '@type': 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
    name: ROUTE_CONFIG_NAME,
    virtual_hosts: [{ name: 'all', domains: ['*'], routes }],
  };
}

/**
 * A cluster under a name that was never used before, so that counters of a version that was taken
 * away and comes back start under another epoch.
 */
export function newCluster(facts: ClusterFacts): Cluster {
  const { route, version, address } = facts;
  const name = `${route}/${version}/${address.replaceAll(/[^a-z0-9._-]/g, '_')}/${randomBytes(4).toString('hex')}`;
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  return {
    '@type': 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
    name,
    type: isIP(host) === 0 ? 'STRICT_DNS' : 'STATIC',
    connect_timeout: `${CONNECT_SECONDS_MAX}s`,
    metadata: { filter_metadata: { [METADATA_KEY]: facts } },
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        common_http_protocol_options: { idle_timeout: `${IDLE_SECONDS_MAX}s` },
        explicit_http_config: { http_protocol_options: {} },
      },
    },
    load_assignment: {
      cluster_name: name,
      endpoints: [
        {
          lb_endpoints: [
            { endpoint: { address: socketAddress(host, Number(address.slice(colon + 1))) } },
          ],
        },
      ],
    },
  };
}

export function factsOf(cluster: Cluster): ClusterFacts {
  return cluster.metadata.filter_metadata[METADATA_KEY];
}

/** Every cluster that a route sends requests or copies to. */
export function clusterNames({ route }: Route): string[] {
  const arms = route.weighted_clusters.clusters.map(({ name }) => name);
  return [...arms, ...(route.request_mirror_policies ?? []).map(({ cluster }) => cluster)];
}

/**
 * `nameOf` gives the cluster of a version at an address.
 *
 * A sticky route chooses the arm by a hash of the customer's header instead of at random; a request
 * without the header is still spread at random. Because the arms keep their order, a growing share
 * moves customers in one direction only.
 */
export function renderRoute(
  spec: RouteSpec,
  nameOf: (arm: { readonly version: string; readonly address: string }) => string,
): Route {
  const { mirror } = spec;
  return {
    name: spec.route,
    match: { path: scorePath(spec.route) },
    route: {
      timeout: `${REQUEST_SECONDS_MAX}s`,
      prefix_rewrite: '/score',
      weighted_clusters: {
        clusters: spec.arms.map((arm) => ({ name: nameOf(arm), weight: arm.weightPercent })),
        ...(spec.sticky ? { use_hash_policy: true } : {}),
      },
      ...(spec.sticky ? { hash_policy: [{ header: { header_name: CUSTOMER_HEADER } }] } : {}),
      ...(mirror === null
        ? {}
        : {
            request_mirror_policies: [
              {
                cluster: nameOf(mirror),
                runtime_fraction: {
                  default_value: {
                    numerator: Math.round(mirror.percent * MIRROR_UNITS_PER_PERCENT),
                    denominator: 'MILLION',
                  },
                },
              },
            ],
          }),
    },
  };
}

/** Envoy takes fractions of a million. */
export const MIRROR_UNITS_PER_PERCENT = 10_000;
