import type { Inventory } from '../../core/ports/inventory.ts';
import type { SimCompute } from './compute.ts';
import type { SimPipeline } from './pipeline.ts';
import { usdPerHour } from './prices.ts';
import type { FullScript } from './settings.ts';
import type { SimTuning } from './tuning.ts';

interface Workplaces {
  readonly compute: SimCompute;
  readonly pipeline: SimPipeline;
  readonly tuning: SimTuning;
}

/** Everything that was ever started in the world, the newest first. */
export function createInventory(
  script: FullScript,
  { compute, pipeline, tuning }: Workplaces,
): Inventory {
  const usd = (resources: { cpus: number; memoryMiB: number }, seconds: number) =>
    (usdPerHour(script, resources) * seconds) / 3600;
  return {
    list: async () =>
      [
        ...compute.list(({ resources }, seconds) => usd(resources, seconds)),
        ...pipeline.list(),
        ...tuning.list(({ trial }, seconds) => usd(trial.resources, seconds)),
      ].toSorted((a, b) => Date.parse(b.startedAt ?? '') - Date.parse(a.startedAt ?? '')),
  };
}
