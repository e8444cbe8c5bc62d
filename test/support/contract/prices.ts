import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { portOf, type Harness, type OpenHarness } from './harness.ts';

/** The promises of core/ports/prices.ts. */
export function describePricesContract(name: string, open: OpenHarness): void {
  describe(`prices of ${name}`, () => {
    let harness: Harness;
    beforeAll(async () => {
      harness = await open();
    });
    afterAll(() => harness.close());

    it('quote says the price of an hour, who says so and as of when', async () => {
      const quote = await portOf(harness, 'prices').quote({ cpus: 2, memoryMiB: 4096 });
      expect(Number.isFinite(quote.usdPerHour) && quote.usdPerHour >= 0).toBe(true);
      expect(quote.source).not.toBe('');
      expect(quote.asOf).toMatch(/^\d{4}-\d{2}-\d{2}/);
    });

    it('quote never asks less for more', async () => {
      const prices = portOf(harness, 'prices');
      const small = await prices.quote({ cpus: 1, memoryMiB: 1024 });
      const large = await prices.quote({ cpus: 8, memoryMiB: 16_384 });
      expect(large.usdPerHour).toBeGreaterThanOrEqual(small.usdPerHour);
    });
  });
}
