import type { Prices } from '../../core/ports/prices.ts';
import { instanceFor } from './instances.ts';
import type { SagemakerSettings } from './settings.ts';

/**
 * The price book of the settings: AWS has no price in the API of SageMaker. The price is that on
 * demand, also for spot: what spot saves is in the billable seconds that the far side tells.
 */
export function createPrices({ instances }: Pick<SagemakerSettings, 'instances'>): Prices {
  return {
    quote: async (resources) => {
      const { type, usdPerHour } = instanceFor(resources, instances);
      return { usdPerHour, source: `${instances.source}: ${type}`, asOf: instances.asOf };
    },
  };
}
