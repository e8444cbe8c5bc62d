/** Rows in the order of falling score, made once and reweighted for every resample. */
export interface Ranking {
  /** Row numbers by falling score. */
  readonly order: Uint32Array;
  /** The label of each row in that order. */
  readonly labels: Uint8Array;
  /** 1 where the next row has a lower score: precision is only defined at such thresholds. */
  readonly lastOfTie: Uint8Array;
}

export function rank(labels: Uint8Array, scores: Float64Array): Ranking {
  const order = Uint32Array.from(scores, (_, row) => row).sort(
    (a, b) => (scores[b] as number) - (scores[a] as number),
  );
  const lastOfTie = new Uint8Array(order.length);
  order.forEach((row, index) => {
    const next = order[index + 1];
    lastOfTie[index] = next === undefined || scores[next] !== scores[row] ? 1 : 0;
  });
  return { order, labels: Uint8Array.from(order, (row) => labels[row] as number), lastOfTie };
}

/**
 * Average precision Σ (R_n − R_n−1) P_n over the distinct scores as thresholds, without
 * interpolation: the definition of scikit-learn's `average_precision_score`, ties included.
 *
 * @param weights how often each row counts, by row number
 * @returns 0–1, or null when no positive row has a weight
 */
export function averagePrecision(ranking: Ranking, weights: Uint16Array): number | null {
  const { order, labels, lastOfTie } = ranking;
  let [seen, hits, hitsBefore, sum] = [0, 0, 0, 0];
  for (let index = 0; index < order.length; index += 1) {
    const weight = weights[order[index] as number] as number;
    seen += weight;
    hits += weight * (labels[index] as number);
    if (lastOfTie[index] === 1 && hits > hitsBefore) {
      sum += (hits - hitsBefore) * (hits / seen);
      hitsBefore = hits;
    }
  }
  return hits === 0 ? null : Math.min(1, sum / hits);
}
