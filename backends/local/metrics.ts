import { OrreryError } from '../../core/errors.ts';
import type { ArmCounters, Metrics } from '../../core/ports/metrics.ts';
import { askAdminJson } from './envoy/admin.ts';
import { LATENCY_BUCKETS_MS } from './envoy/bootstrap.ts';
import { openProxy } from './envoy/proxy.ts';
import type { ProxySettings, ServiceAgent } from './envoy/proxy.ts';
import { clusterNames, factsOf, REQUEST_SECONDS_MAX } from './envoy/resources.ts';
import type { Cluster } from './envoy/resources.ts';
import { viewProxy } from './envoy/view.ts';

/**
 * Counters of the versions of a route, as the machine's Envoy counts them at its own end: what a
 * caller got, whatever the scoring server believes of itself.
 *
 * - `requests`: answered or given up (`upstream_rq_completed`); mirrored copies count as requests
 *   of the version that they go to.
 * - `errors`: `upstream_rq_5xx`, in which Envoy counts also what it answers itself for a connection
 *   refused or reset (503) and for a timeout (504).
 * - `slow`: responses above the bucket, plus timeouts, which Envoy leaves out of its histogram.
 *   Counters are exact; response times lag by 250 ms at most (see STATS_FLUSH_INTERVAL), so a slow
 *   request may be counted one reading after the request itself.
 *
 * A redeployed version, a new address and a new Envoy process each begin another epoch.
 */
export function createMetrics(settings: ProxySettings, agent: ServiceAgent): Metrics {
  return {
    async read({ route, versions, latencyMsMax }) {
      const bucketMs = bucketFor(latencyMsMax);
      const { adminPort } = await openProxy(settings, agent);
      const view = await viewProxy(adminPort);
      const used = view.routes.get(route);
      const named = (used === undefined ? [] : clusterNames(used)).flatMap(
        (name) => view.clusters.get(name) ?? [],
      );
      const clusters = versions.flatMap(
        (version) => named.find((cluster) => factsOf(cluster).version === version) ?? [],
      );
      const arms: ArmCounters[] = [];
      for (const cluster of clusters) {
        const counts = await readCounts(adminPort, cluster, bucketMs);
        arms.push({
          version: factsOf(cluster).version,
          epoch: `${view.startedAt} ${cluster.name}`,
          ...counts,
        });
      }
      return arms;
    },
  };
}

/** The nearest bucket at or above the bound. @throws OrreryError REQUEST_INVALID */
function bucketFor(latencyMsMax: number): number {
  const bucketMs = LATENCY_BUCKETS_MS.find((bound) => bound >= latencyMsMax);
  if (bucketMs === undefined || bucketMs > REQUEST_SECONDS_MAX * 1000 || !(latencyMsMax > 0)) {
    throw new OrreryError(
      'REQUEST_INVALID',
      `Cannot count requests slower than ${latencyMsMax} ms: the proxy gives up after ${REQUEST_SECONDS_MAX} s, wanted a bound above 0 and at most that`,
    );
  }
  return bucketMs;
}

type Stat =
  { readonly name: string; readonly value: number } | { readonly histograms: readonly Histogram[] };
interface Histogram {
  readonly name: string;
  readonly buckets: readonly { readonly upper_bound: number; readonly cumulative: number }[];
}

async function readCounts(
  adminPort: number,
  cluster: Cluster,
  bucketMs: number,
): Promise<Pick<ArmCounters, 'requests' | 'errors' | 'slow'>> {
  const prefix = `cluster.${cluster.name}.upstream_rq_`;
  const pattern = `^${prefix.replaceAll('.', '\\.')}(completed|5xx|timeout|time)$`;
  const { stats } = (await askAdminJson(
    adminPort,
    `/stats?format=json&histogram_buckets=cumulative&filter=${encodeURIComponent(pattern)}`,
  )) as { readonly stats: readonly Stat[] };
  const counter = (name: string) =>
    stats.find((stat) => 'name' in stat && stat.name === `${prefix}${name}`);
  const valueOf = (name: string): number => {
    const stat = counter(name);
    return stat !== undefined && 'value' in stat ? stat.value : 0;
  };
  const times = stats
    .flatMap((stat) => ('histograms' in stat ? stat.histograms : []))
    .find(({ name }) => name === `${prefix}time`);
  const upTo = (bound: number): number =>
    times?.buckets.find((bucket) => bucket.upper_bound === bound)?.cumulative ?? 0;
  const all = times?.buckets.at(-1)?.cumulative ?? 0;
  return {
    requests: valueOf('completed'),
    errors: valueOf('5xx'),
    slow: all - upTo(bucketMs) + valueOf('timeout'),
  };
}
