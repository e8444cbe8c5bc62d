import { LISTENER_NAME, ROUTE_CONFIG_NAME } from './layout.ts';
import type { DiscoveryKind, ProxyLayout } from './layout.ts';

/** Loopback only: the local backend serves this machine. */
export const PROXY_HOST = '127.0.0.1';

/**
 * Upper bounds of the buckets in which response times are counted, milliseconds. The last lies far
 * above every timeout, so its cumulative count is the number of all responses.
 */
export const LATENCY_BUCKETS_MS: readonly number[] = [
  1, 2, 5, 10, 15, 20, 25, 30, 40, 50, 75, 100, 150, 200, 250, 300, 400, 500, 750, 1000, 1500, 2000,
  2500, 5000, 10_000, 3_600_000,
];

/**
 * How often Envoy merges the histograms of its threads. Counters are exact at any moment, response
 * times are as old as this at most: of the requests of the last 250 ms, the slow ones are seen only
 * in the next reading.
 */
const STATS_FLUSH_INTERVAL = '0.250s';

/** What Envoy is started with; everything that changes comes from the watched files. */
export function renderBootstrap(layout: ProxyLayout, adminPort: number): object {
  return {
    node: { id: 'orrery', cluster: 'orrery' },
    admin: { address: socketAddress(PROXY_HOST, adminPort) },
    dynamic_resources: {
      lds_config: configSource(layout, 'lds'),
      cds_config: configSource(layout, 'cds'),
    },
    stats_flush_interval: STATS_FLUSH_INTERVAL,
    stats_config: {
      histogram_bucket_settings: [
        { match: { suffix: 'upstream_rq_time' }, buckets: LATENCY_BUCKETS_MS },
      ],
    },
  };
}

/** The one listener, for all routes. */
export function renderListener(layout: ProxyLayout, proxyPort: number): object {
  return {
    '@type': 'type.googleapis.com/envoy.config.listener.v3.Listener',
    name: LISTENER_NAME,
    address: socketAddress(PROXY_HOST, proxyPort),
    // With port reuse, another process could take half of the connections and nobody would know.
    enable_reuse_port: false,
    filter_chains: [
      {
        filters: [
          {
            name: 'envoy.filters.network.http_connection_manager',
            typed_config: {
              '@type':
                'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
              stat_prefix: LISTENER_NAME,
              server_header_transformation: 'PASS_THROUGH',
              rds: {
                route_config_name: ROUTE_CONFIG_NAME,
                config_source: configSource(layout, 'rds'),
              },
              http_filters: [
                {
                  name: 'envoy.filters.http.router',
                  typed_config: {
                    '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router',
                  },
                },
              ],
            },
          },
        ],
      },
    ],
  };
}

export function socketAddress(address: string, port: number): object {
  return { socket_address: { address, port_value: port } };
}

function configSource(layout: ProxyLayout, kind: DiscoveryKind): object {
  return {
    resource_api_version: 'V3',
    path_config_source: {
      path: layout.file(kind),
      watched_directory: { path: layout.folder(kind) },
    },
  };
}
