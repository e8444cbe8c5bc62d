import type { SpotJob } from './situation.ts';

/** A place with spot capacity, as somebody knows it who sees the future. */
export interface KnownZone {
  readonly usdPerHour: number;
  /** Whether spot can be had there in look number i, from 0. */
  isAvailable(index: number): boolean;
}

/**
 * The least that the job can cost for somebody who knows all of the future: the integer program of
 * CBL 5.3, solved exactly by dynamic programming. One instance a look at most, spot only where it
 * is there, and a total running time of at least C + d for each start. Whole looks are charged, so
 * that a rule, whose last look is charged up to the finish, may undercut it by less than one look.
 *
 * The state is what holds the job and its *lag*: seconds gone by without progress. Idling adds a
 * look, a start adds d, and the deadline bounds it by R - C. So a look costs
 * (R - C) / gcd(look, d) × (zones + 2) steps, not C / gcd × …. Times are whole seconds.
 *
 * @returns dollars, or Infinity where even on-demand from the start is late
 */
export function optimumUsd(job: SpotJob, zones: readonly KnownZone[]): number {
  const [look, d] = [Math.round(job.lookSeconds), Math.round(job.changeoverSeconds)];
  const unit = gcd(look, d);
  const looks = Math.floor(job.deadlineSeconds / look);
  const lagMax = Math.floor((looks * look - job.workSeconds) / unit);
  if (lagMax < 0) return Infinity;
  const steps = { idle: look / unit, start: d / unit, size: lagMax + 1 };
  const fees = [...zones.map((zone) => zone.usdPerHour), job.usdPerHour.onDemand].map(
    (usd) => (usd * look) / 3600,
  );
  const now = Array.from({ length: fees.length + 1 }, () => new Float64Array(steps.size));
  const later = now.map(() => new Float64Array(steps.size));
  const [here, next] = [{ rows: now }, { rows: later }];
  for (let index = looks - 1; index >= 0; index -= 1) {
    [here.rows, next.rows] = [next.rows, here.rows];
    oneLook(here.rows, next.rows, fees, steps, (place) => zones[place]?.isAvailable(index) ?? true);
  }
  return here.rows[fees.length]?.[0] ?? Infinity;
}

interface Steps {
  readonly idle: number;
  readonly start: number;
  readonly size: number;
}

/**
 * Cost to go from the start of a look, from that at its end. Row i is a held instance at place i,
 * the last row is idle; on-demand is the last place.
 */
function oneLook(
  here: readonly Float64Array[],
  next: readonly Float64Array[],
  fees: readonly number[],
  { idle, start, size }: Steps,
  isAvailable: (place: number) => boolean,
): void {
  const fromIdle = here[fees.length] as Float64Array;
  const idleNext = next[fees.length] as Float64Array;
  fromIdle.fill(Infinity);
  fromIdle.set(idleNext.subarray(idle));
  const open = fees.map((_, place) => isAvailable(place));
  fees.forEach((fee, place) => {
    if (!open[place]) return;
    const nextRow = next[place] as Float64Array;
    for (let lag = 0; lag + start < size; lag += 1) {
      const usd = fee + (nextRow[lag + start] as number);
      if (usd < (fromIdle[lag] as number)) fromIdle[lag] = usd;
    }
  });
  fees.forEach((fee, place) => {
    const row = here[place] as Float64Array;
    row.set(fromIdle);
    if (!open[place]) return;
    const nextRow = next[place] as Float64Array;
    for (let lag = 0; lag < size; lag += 1) {
      const usd = fee + (nextRow[lag] as number);
      if (usd < (row[lag] as number)) row[lag] = usd;
    }
  });
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}
