import type { Prices } from '../../core/ports/prices.ts';
import { chooseMachine, hourlyUsd } from './machines.ts';
import type { VertexSettings } from './settings.ts';

/** The price book of the settings, for the machine that a job of these resources gets. */
export function createPrices(settings: VertexSettings): Prices {
  return {
    async quote(resources) {
      const machine = chooseMachine(settings, resources);
      return {
        usdPerHour: hourlyUsd(machine, settings),
        source: `settings of the backend vertex: ${machine.machineType}, ${settings.scheduling.strategy}, ${settings.location}`,
        asOf: settings.pricesAsOf,
      };
    },
  };
}
