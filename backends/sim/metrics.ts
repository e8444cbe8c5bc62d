import { OrreryError } from '../../core/errors.ts';
import type { ArmCounters, Metrics, MetricsQuery } from '../../core/ports/metrics.ts';
import type { VirtualClock } from './clock.ts';
import type { Requests } from './requests.ts';
import type { FullScript } from './settings.ts';

/** Reads the counts, unless the script has an outage of their source now. */
export function createMetrics(
  script: FullScript,
  clock: VirtualClock,
  requests: Requests,
): Metrics {
  return {
    read: async ({ route, versions, latencyMsMax }: MetricsQuery) => {
      const second = clock.elapsedSeconds();
      const outage = script.metricsOutages.find(
        ({ fromSecond, toSecond }) => second >= fromSecond && second < toSecond,
      );
      if (outage !== undefined) {
        if (outage.throws === null) return [];
        throw new OrreryError(
          outage.throws,
          `Cannot read the counts of "${route}": their source is down from second ${outage.fromSecond} to ${outage.toSecond}`,
        );
      }
      return versions
        .map((version) => requests.counters(route, version, latencyMsMax))
        .filter((counters): counters is ArmCounters => counters !== null);
    },
  };
}
