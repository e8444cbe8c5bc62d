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
  const line = { step, billableSeconds, usdPerHour: price.usdPerHour, usd };
  return { ...cost, usd: cost.usd + usd, lines: [...cost.lines, line] };
}

export function isSpent(cost: Cost): boolean {
  return cost.usdMax !== null && cost.usd >= cost.usdMax;
}
