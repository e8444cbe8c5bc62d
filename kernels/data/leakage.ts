/**
 * Looks for a feature that gives the label away: one that correlates with it, or one that says the
 * same in other words (each class has exactly one text, and the texts differ). One pass over rows.
 */
export interface LeakageGauge {
  /** @param value of the cell, NaN when it is no number */
  add(cell: string, value: number, label: number): void;
  /**
   * |Pearson's r| over the rows with a number, 0–1; 1 for a copy; 0 when nothing varies or fewer
   * than CORRELATION_ROWS_MIN rows have a number.
   */
  correlation(): number;
}

/** Fewest rows with a number for a correlation: that of a handful is often near 1 by chance. */
export const CORRELATION_ROWS_MIN = 30;

/** @see Welford, Technometrics 4 (1962), for means and co-moments that do not cancel */
export function leakageGauge(): LeakageGauge {
  let [count, meanX, meanY, momentX, momentY, coMoment] = [0, 0, 0, 0, 0, 0];
  const texts: [string | null, string | null] = [null, null];
  let mayBeCopy = true;
  return {
    add(cell, value, label) {
      if (mayBeCopy) {
        texts[label as 0 | 1] ??= cell;
        mayBeCopy = texts[label as 0 | 1] === cell && texts[0] !== texts[1];
      }
      if (Number.isNaN(value)) return;
      count += 1;
      const [offX, offY] = [value - meanX, label - meanY];
      meanX += offX / count;
      meanY += offY / count;
      momentX += offX * (value - meanX);
      momentY += offY * (label - meanY);
      coMoment += offX * (label - meanY);
    },
    correlation() {
      if (mayBeCopy && texts[0] !== null && texts[1] !== null) return 1;
      if (count < CORRELATION_ROWS_MIN) return 0;
      const scale = Math.sqrt(momentX) * Math.sqrt(momentY);
      return scale > 0 ? Math.min(1, Math.abs(coMoment) / scale) : 0;
    },
  };
}
