import type { Prices } from '../../core/ports/prices.ts';
import type { LocalSettings } from './settings.ts';

/** The price that the settings state; this machine is not partitioned, so the share does not matter. */
export function createPrices({ usdPerHour }: Pick<LocalSettings, 'usdPerHour'>): Prices {
  return {
    quote: () =>
      Promise.resolve({
        usdPerHour,
        source: 'settings of the local backend',
        asOf: new Date().toISOString().slice(0, 10),
      }),
  };
}
