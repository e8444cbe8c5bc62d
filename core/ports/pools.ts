export interface PoolReading {
  readonly name: string;
  readonly slots: number;
  readonly usedSlots: number;
}

/** Shares of a far side's capacity that isolate tasks from each other. */
export interface Pools {
  /** Creates it or changes its size. `slots` ≥ 0. */
  set(name: string, slots: number): Promise<PoolReading>;
  list(): Promise<readonly PoolReading[]>;
  /** Idempotent. @throws OrreryError ORDER_REFUSED while tasks hold slots of it */
  remove(name: string): Promise<void>;
}
