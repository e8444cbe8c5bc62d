import type { PriceQuote } from '../ports/prices.ts';

/** One priced use of capacity. */
export interface CostLine {
  readonly step: string;
  readonly billableSeconds: number;
  readonly usdPerHour: number;
  readonly usd: number;
}

export interface Cost {
  readonly usd: number;
  /** The run stops when `usd` reaches it; null for no cap. */
  readonly usdMax: number | null;
  readonly lines: readonly CostLine[];
}

export function newCost(usdMax: number | null): Cost {
  return { usd: 0, usdMax, lines: [] };
}

export function charge(cost: Cost, step: string, billableSeconds: number, price: PriceQuote): Cost {
  const usd = (billableSeconds / 3600) * price.usdPerHour;
  return added(cost, { step, billableSeconds, usdPerHour: price.usdPerHour, usd });
}

/** The same where the sum is known and the price of an hour follows from it. */
export function chargeUsd(cost: Cost, step: string, billableSeconds: number, usd: number): Cost {
  const usdPerHour = billableSeconds > 0 ? (usd / billableSeconds) * 3600 : 0;
  return added(cost, { step, billableSeconds, usdPerHour, usd });
}

function added(cost: Cost, line: CostLine): Cost {
  return { ...cost, usd: cost.usd + line.usd, lines: [...cost.lines, line] };
}

export function isSpent(cost: Cost): boolean {
  return cost.usdMax !== null && cost.usd >= cost.usdMax;
}
