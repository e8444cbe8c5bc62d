import type { Prices } from '../../core/ports/prices.ts';
import type { SshSettings } from './settings.ts';

/** The price that the settings state; the host is not partitioned, so the share does not matter. */
export function createPrices({ usdPerHour }: Pick<SshSettings, 'usdPerHour'>): Prices {
  return {
    quote: () =>
      Promise.resolve({
        usdPerHour,
        source: 'settings of the ssh backend',
        asOf: new Date().toISOString().slice(0, 10),
      }),
  };
}
