import type { Prices } from '../../core/ports/prices.ts';
import type { VirtualClock } from './clock.ts';
import type { FullScript } from './settings.ts';

const MIB_PER_GIB = 1024;
const ISO_DATE_LENGTH = 10;

/** The scripted prices of a processor and of memory, added up. */
export function createPrices(script: FullScript, clock: VirtualClock): Prices {
  return {
    quote: async (resources) => ({
      usdPerHour: usdPerHour(script, resources),
      source: 'script of the simulated world',
      asOf: new Date(clock.now()).toISOString().slice(0, ISO_DATE_LENGTH),
    }),
  };
}

export function usdPerHour(
  script: FullScript,
  { cpus, memoryMiB }: { readonly cpus: number; readonly memoryMiB: number },
): number {
  return cpus * script.usdPerCpuHour + (memoryMiB / MIB_PER_GIB) * script.usdPerGibHour;
}
