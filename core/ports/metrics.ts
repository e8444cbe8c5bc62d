/** Counters of one arm since its `epoch`; they only grow while the epoch stays. */
export interface ArmCounters {
  readonly version: string;
  /** Changes when the source starts counting from 0 again. */
  readonly epoch: string;
  readonly requests: number;
  /** Requests answered with 5xx, reset or timed out. */
  readonly errors: number;
  /** Requests slower than the bound that was asked for. */
  readonly slow: number;
}

export interface MetricsQuery {
  readonly route: string;
  readonly versions: readonly string[];
  /** Milliseconds; a source with histogram buckets takes the nearest bucket at or above it. */
  readonly latencyMsMax: number;
}

/** Counts per arm. */
export interface Metrics {
  /** An arm that the source has not seen is left out: no data, which is no evidence. */
  read(query: MetricsQuery): Promise<readonly ArmCounters[]>;
}
