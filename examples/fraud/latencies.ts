/** Buckets grow by 2 %, so a percentile is told to within 1 %. */
const GROWTH = 1.02;
const MS_MIN = 0.05;
/** Slower than this, milliseconds, counts as this. */
const MS_MAX = 120_000;
const BUCKETS = Math.ceil(Math.log(MS_MAX / MS_MIN) / Math.log(GROWTH)) + 1;

/** Counts of durations in buckets of one relative width: memory stays the same however many come. */
export interface Latencies {
  add(ms: number): void;
  /** @param share 0–1; milliseconds, 0 when nothing was added */
  percentile(share: number): number;
}

export function latencies(): Latencies {
  const counts = new Float64Array(BUCKETS);
  let total = 0;
  return {
    add(ms) {
      const at = Math.floor(Math.log(Math.max(ms, MS_MIN) / MS_MIN) / Math.log(GROWTH));
      const bucket = Math.min(at, BUCKETS - 1);
      counts[bucket] = (counts[bucket] ?? 0) + 1;
      total += 1;
    },
    percentile(share) {
      if (total === 0) return 0;
      const rank = Math.max(1, Math.ceil(share * total));
      let seen = 0;
      for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
        seen += counts[bucket] ?? 0;
        // The middle of the bucket, in the geometric sense.
        if (seen >= rank) return MS_MIN * GROWTH ** (bucket + 0.5);
      }
      return MS_MAX;
    },
  };
}
