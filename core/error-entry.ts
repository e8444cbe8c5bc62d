/** One error of the catalogue. */
export interface CatalogueEntry {
  readonly meaning: string;
  readonly retryable: boolean;
  /** What the operator does next, as an instruction. */
  readonly action: string;
}

/** Short for the tables of the catalogue. */
export const entry = (retryable: boolean, meaning: string, action: string): CatalogueEntry => ({
  meaning,
  retryable,
  action,
});
