export interface PriceQuote {
  readonly usdPerHour: number;
  /** Who says so. */
  readonly source: string;
  /** ISO 8601 date. */
  readonly asOf: string;
}

/** Prices of capacity. */
export interface Prices {
  /** Price of holding these resources for an hour. */
  quote(resources: { readonly cpus: number; readonly memoryMiB: number }): Promise<PriceQuote>;
}
