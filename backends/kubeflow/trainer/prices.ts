import type { PriceQuote, Prices } from '../../../core/ports/prices.ts';
import type { PriceBook } from './settings.ts';

const MIB_PER_GIB = 1024;
const SECONDS_PER_HOUR = 3600;

interface Resources {
  readonly cpus: number;
  readonly memoryMiB: number;
}

/** Prices from the operator's book: one node for one hour. */
export function createPrices(book: PriceBook): Prices {
  return { quote: (resources) => Promise.resolve(quote(book, resources)) };
}

function quote(book: PriceBook, { cpus, memoryMiB }: Resources): PriceQuote {
  const usdPerHour = cpus * book.usdPerCpuHour + (memoryMiB / MIB_PER_GIB) * book.usdPerGibHour;
  return { usdPerHour, source: book.source, asOf: book.asOf };
}

/** US dollars for so many seconds of nodes with these resources. */
export function costUsd(book: PriceBook, resources: Resources, billableSeconds: number): number {
  return (quote(book, resources).usdPerHour * billableSeconds) / SECONDS_PER_HOUR;
}
