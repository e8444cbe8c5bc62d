import { MARKET_KINDS, endingChance, regimeChance } from './market.ts';
import type { MarketKind } from './market.ts';
import type { SpotJob } from './situation.ts';

/**
 * The least expected cost from every situation to the end of the job, by stochastic dynamic
 * programming from the deadline backwards.
 *
 * A situation is the time gone by, the *lag* (time without progress so far, changeovers owed
 * included; the deadline bounds it by R - C), the kind of market, whether spot can be had and for
 * how long that has been so, and what is held. Time and lag lie on a grid of at most STEPS_MAX
 * steps, ages on a geometric one; between the points values are interpolated linearly. Cost is
 * counted in spot seconds: an hour of on-demand costs k, the ratio of the prices.
 *
 * The value after a look is a mean over what the market may do: the stretch ends with the chance of
 * its age, and the kind of the market is drawn anew with the chance of a regime change. That the
 * kind is not known, only believed, comes in where the table is read.
 */
export interface CostToGo {
  readonly stepSeconds: number;
  readonly steps: number;
  readonly lagStepSeconds: number;
  readonly lags: number;
  readonly agesSeconds: readonly number[];
  /** Values by time, kind, what is held, market and age, lag. */
  readonly values: Float32Array;
}

/** The grid of time is no finer than this: 400 steps of a deadline in 60 hours are 9 minutes. */
const STEPS_MAX = 400;
export const AGES = 12;
const AGE_MIN_SECONDS = 360;
const AGE_MAX_SECONDS = 48 * 3600;

/** What is held, as rows of the table. */
export const IDLE = 0;
export const SPOT = 1;
export const ON_DEMAND = 2;
const HELD = 3;
/** Rows of one kind at one time: what is held × (spot there, not there) × ages. */
const ROWS = HELD * 2 * AGES;

/** First cell of a row. Phase: age number, plus AGES while spot cannot be had. */
export function rowOf(
  table: Pick<CostToGo, 'lags'>,
  time: number,
  kind: number,
  held: number,
  phase: number,
): number {
  return (((time * MARKET_KINDS.length + kind) * HELD + held) * 2 * AGES + phase) * table.lags;
}

/** Where an age lies on the grid: between `low` and the next, `share` of the way. */
export function ageCell(
  ages: readonly number[],
  age: number,
): { low: number; high: number; share: number } {
  let low = 0;
  while (low < AGES - 1 && (ages[low + 1] as number) <= age) low += 1;
  if (low === AGES - 1) return { low, high: low, share: 0 };
  const [from, to] = [ages[low] as number, ages[low + 1] as number];
  return { low, high: low + 1, share: Math.max(0, (age - from) / (to - from)) };
}

export function costToGo(job: SpotJob): CostToGo {
  const table = emptyTable(job);
  const mixed = new Float32Array(MARKET_KINDS.length * ROWS * table.lags);
  for (let time = table.steps - 1; time >= 0; time -= 1) {
    mixKinds(table, time + 1, mixed);
    MARKET_KINDS.forEach((kind, index) => oneStep(job, table, { time, kind, index, mixed }));
  }
  return table;
}

function emptyTable(job: SpotJob): CostToGo {
  const stepSeconds = Math.max(job.lookSeconds, job.deadlineSeconds / STEPS_MAX);
  const steps = Math.ceil(job.deadlineSeconds / stepSeconds);
  const slack = Math.max(1, job.deadlineSeconds - job.workSeconds);
  const lags = Math.max(4, Math.ceil(slack / stepSeconds)) + 1;
  const ratio = AGE_MAX_SECONDS / AGE_MIN_SECONDS;
  const first = Math.min(job.lookSeconds / 2, AGE_MIN_SECONDS);
  const agesSeconds = Array.from({ length: AGES }, (_, age) =>
    age === 0 ? first : AGE_MIN_SECONDS * Math.pow(ratio, age / (AGES - 1)),
  );
  const values = new Float32Array((steps + 1) * MARKET_KINDS.length * ROWS * lags);
  return { stepSeconds, steps, lagStepSeconds: slack / (lags - 1), lags, agesSeconds, values };
}

/** Values at a time, where the kind may have been drawn anew on the way there. */
function mixKinds(table: CostToGo, time: number, mixed: Float32Array): void {
  const kinds = MARKET_KINDS.length;
  const size = ROWS * table.lags;
  const from = time * kinds * size;
  const redrawn = regimeChance(table.stepSeconds);
  for (let cell = 0; cell < size; cell += 1) {
    let sum = 0;
    for (let kind = 0; kind < kinds; kind += 1) {
      sum += table.values[from + kind * size + cell] as number;
    }
    for (let kind = 0; kind < kinds; kind += 1) {
      const own = table.values[from + kind * size + cell] as number;
      mixed[kind * size + cell] = own + redrawn * (sum / kinds - own);
    }
  }
}

interface Step {
  readonly time: number;
  readonly kind: MarketKind;
  readonly index: number;
  /** Values one step later, by kind. */
  readonly mixed: Float32Array;
}

function oneStep(job: SpotJob, table: CostToGo, step: Step): void {
  const { lags, stepSeconds, lagStepSeconds } = table;
  const shiftMax = Math.ceil((stepSeconds + job.changeoverSeconds) / lagStepSeconds) + 2;
  const means = Array.from({ length: HELD }, () => new Float64Array(lags + shiftMax));
  for (let phase = 0; phase < 2 * AGES; phase += 1) {
    for (let held = 0; held < HELD; held += 1) {
      meanAfter(table, step, phase, held, means[held] as Float64Array);
    }
    bestMoves(job, table, step, phase, means);
  }
}

/** Expected value one step later for each lag, if `held` is held from now on. */
function meanAfter(
  table: CostToGo,
  { kind, index, mixed }: Step,
  phase: number,
  held: number,
  mean: Float64Array,
): void {
  const isUp = phase < AGES;
  const age = table.agesSeconds[isUp ? phase : phase - AGES] as number;
  const ends = endingChance(isUp ? kind.up : kind.down, age, table.stepSeconds);
  const cell = ageCell(table.agesSeconds, age + table.stepSeconds);
  const same = isUp ? 0 : AGES;
  const afterEnd = held === SPOT ? IDLE : held;
  const low = rowOf(table, 0, index, held, same + cell.low);
  const high = rowOf(table, 0, index, held, same + cell.high);
  const other = rowOf(table, 0, index, afterEnd, AGES - same);
  const [lowWeight, highWeight] = [(1 - ends) * (1 - cell.share), (1 - ends) * cell.share];
  for (let lag = 0; lag < table.lags; lag += 1) {
    mean[lag] =
      lowWeight * (mixed[low + lag] as number) +
      highWeight * (mixed[high + lag] as number) +
      ends * (mixed[other + lag] as number);
  }
  mean.fill(mean[table.lags - 1] as number, table.lags);
}

/** Values of one market and age: the cheapest move for each lag and for what is held. */
function bestMoves(
  job: SpotJob,
  table: CostToGo,
  { time, index }: Step,
  phase: number,
  means: readonly Float64Array[],
): void {
  const { values, stepSeconds, lagStepSeconds, lags } = table;
  const [idle, spot, onDemand] = means as [Float64Array, Float64Array, Float64Array];
  const [d, k] = [job.changeoverSeconds, job.usdPerHour.onDemand / job.usdPerHour.spot];
  const [rowIdle, rowSpot, rowOnDemand] = [IDLE, SPOT, ON_DEMAND].map((held) =>
    rowOf(table, time, index, held, phase),
  ) as [number, number, number];
  const isUp = phase < AGES;
  const lagMost = job.deadlineSeconds - job.workSeconds - 2 * d - stepSeconds;
  const later = shift(stepSeconds / lagStepSeconds);
  const begun = shift(d / lagStepSeconds);
  for (let cell = 0; cell < lags; cell += 1) {
    const lag = cell * lagStepSeconds;
    const work = job.workSeconds - time * stepSeconds + lag;
    if (work <= 0) continue;
    const charged = Math.min(work, stepSeconds);
    const keepSpot = isUp ? charged + (spot[cell] as number) : Infinity;
    let [fromIdle, fromOnDemand] = [k * (work + d), k * work];
    if (lag <= lagMost) {
      const wait = later(idle, cell);
      const take = isUp ? charged + begun(spot, cell) : Infinity;
      fromIdle = Math.min(wait, take, k * charged + begun(onDemand, cell));
      fromOnDemand = Math.min(wait, take, k * charged + (onDemand[cell] as number));
    }
    values[rowIdle + cell] = fromIdle;
    values[rowSpot + cell] = Math.min(keepSpot, fromIdle);
    values[rowOnDemand + cell] = fromOnDemand;
  }
}

/** Reads a row so many cells further on, between two cells in proportion. */
function shift(cells: number): (row: Float64Array, cell: number) => number {
  const whole = Math.floor(cells);
  const share = cells - whole;
  return (row, cell) =>
    (row[cell + whole] as number) * (1 - share) + (row[cell + whole + 1] as number) * share;
}
