import { AGES, IDLE, ON_DEMAND, SPOT, ageCell, costToGo, rowOf } from './cost-to-go.ts';
import type { CostToGo } from './cost-to-go.ts';
import { MARKET_KINDS, endingChance, regimeChance, seenAge } from './market.ts';
import type { Because, Look, Mode, NextMove, SpotJob, SpotPolicy } from './situation.ts';

/** Expected cost to the end of the job of each move, in dollars; Infinity where it cannot be made. */
export type MoveCosts = Readonly<Record<Mode, number>>;

const MODES = { [IDLE]: 'idle', [SPOT]: 'spot', [ON_DEMAND]: 'on-demand' } as const;

const BECAUSE: Readonly<Record<Mode, Because>> = {
  idle: 'waiting is the cheapest in expectation',
  spot: 'spot is the cheapest in expectation',
  'on-demand': 'on-demand is the cheapest in expectation',
};

/** Moves whose expected costs differ by less than this many spot seconds count as equal. */
const TIE_SECONDS = 1e-3;
/** Kinds of market less probable than this are left out of the mean. */
const BELIEF_MIN = 0.002;
/** Tables are kept for this many jobs. */
const TABLES_MAX = 4;

/**
 * Takes the move with the least expected cost, given what is believed of the market. No line to
 * follow and no thresholds: when to wait, when to pay for on-demand, when to leave it for spot and
 * when to let a young spot instance pass all follow from C, R, d, k and the market model, whose
 * constants are the same for every job (decision record 020).
 *
 * The beliefs about the kind of market are averaged over move by move, as if the kind were known
 * from the next look on (QMDP: Littman, Cassandra, Kaelbling, 1995).
 */
export const expectedCost: SpotPolicy = {
  name: 'least expected cost',
  source: 'decision 020',
  decide(job: SpotJob, look: Look): NextMove {
    if (job.usdPerHour.spot >= job.usdPerHour.onDemand) return onDemandOnly(look);
    const costs = heldCosts(job, tableOf(job), look);
    let best: 0 | 1 | 2 = heldOf(look.mode);
    for (const held of [IDLE, SPOT, ON_DEMAND] as const) {
      if ((costs[held] as number) < (costs[best] as number) - TIE_SECONDS) best = held;
    }
    return { mode: MODES[best], because: BECAUSE[MODES[best]] };
  },
};

/** The same as a table to print: what each move is expected to cost. */
export function moveCosts(job: SpotJob, look: Look): MoveCosts {
  const costs = heldCosts(job, tableOf(job), look);
  const usd = (held: number) => ((costs[held] as number) / 3600) * job.usdPerHour.spot;
  return { idle: usd(IDLE), spot: usd(SPOT), 'on-demand': usd(ON_DEMAND) };
}

/** Spot that is not cheaper only adds the risk to lose it; waiting for it saves nothing. */
function onDemandOnly(look: Look): NextMove {
  return look.mode === 'spot'
    ? { mode: 'spot', because: 'spot is held' }
    : { mode: 'on-demand', because: 'spot is not cheaper than on-demand' };
}

function heldOf(mode: Mode): 0 | 1 | 2 {
  if (mode === 'idle') return IDLE;
  return mode === 'spot' ? SPOT : ON_DEMAND;
}

/** A table follows from its job alone; keeping it changes no answer. */
const tables = new Map<string, CostToGo>();

function tableOf(job: SpotJob): CostToGo {
  const ratio = job.usdPerHour.onDemand / job.usdPerHour.spot;
  const key = [job.workSeconds, job.deadlineSeconds, job.changeoverSeconds, job.lookSeconds, ratio];
  const known = tables.get(key.join());
  if (known !== undefined) return known;
  const oldest = tables.keys().next().value;
  if (oldest !== undefined && tables.size >= TABLES_MAX) tables.delete(oldest);
  const table = costToGo(job);
  tables.set(key.join(), table);
  return table;
}

/** Spot seconds that each move is expected to cost, by what is held after it. */
function heldCosts(job: SpotJob, table: CostToGo, look: Look): number[] {
  const { stepSeconds, agesSeconds } = table;
  const charged = Math.min(stepSeconds, look.workLeftSeconds);
  const lag = look.elapsedSeconds - (job.workSeconds - look.workLeftSeconds);
  const begin = (mode: Mode) =>
    look.mode === mode ? look.overheadLeftSeconds : job.changeoverSeconds;
  const age = seenAge(look.seen.ageSeconds, job.lookSeconds);
  const after: After = {
    age,
    cell: ageCell(agesSeconds, age + stepSeconds),
    time: Math.min(table.steps, look.elapsedSeconds / stepSeconds + 1),
    isUp: look.spotAvailable,
    beliefs: look.seen.beliefs,
  };
  const ratio = job.usdPerHour.onDemand / job.usdPerHour.spot;
  return [
    valueAfter(table, after, IDLE, lag + stepSeconds),
    look.spotAvailable ? charged + valueAfter(table, after, SPOT, lag + begin('spot')) : Infinity,
    ratio * charged + valueAfter(table, after, ON_DEMAND, lag + begin('on-demand')),
  ];
}

interface After {
  readonly age: number;
  readonly cell: ReturnType<typeof ageCell>;
  /** Of the next step, in steps. */
  readonly time: number;
  readonly isUp: boolean;
  readonly beliefs: readonly number[];
}

/** Expected value one step on, over the kinds of market and what the market does meanwhile. */
function valueAfter(table: CostToGo, after: After, held: number, lagSeconds: number): number {
  const redrawn = regimeChance(table.stepSeconds);
  const same = after.isUp ? 0 : AGES;
  const early = Math.min(table.steps - 1, Math.floor(after.time));
  const lateShare = after.time - early;
  const at = lagReader(table, lagSeconds);
  let value = 0;
  MARKET_KINDS.forEach((kind, index) => {
    const belief = (1 - redrawn) * (after.beliefs[index] ?? 0) + redrawn / MARKET_KINDS.length;
    if (belief < BELIEF_MIN) return;
    const ends = endingChance(after.isUp ? kind.up : kind.down, after.age, table.stepSeconds);
    const atTime = (time: number) =>
      (1 - ends) *
        (1 - after.cell.share) *
        at(rowOf(table, time, index, held, same + after.cell.low)) +
      (1 - ends) * after.cell.share * at(rowOf(table, time, index, held, same + after.cell.high)) +
      ends * at(rowOf(table, time, index, held === SPOT ? IDLE : held, AGES - same));
    value += belief * ((1 - lateShare) * atTime(early) + lateShare * atTime(early + 1));
  });
  return value;
}

/** Reads a row at a lag, between two cells in proportion. */
function lagReader(table: CostToGo, lagSeconds: number): (row: number) => number {
  const cells = Math.max(0, Math.min(table.lags - 1, lagSeconds / table.lagStepSeconds));
  const low = Math.min(table.lags - 2, Math.floor(cells));
  const share = cells - low;
  return (row) =>
    (table.values[row + low] as number) * (1 - share) +
    (table.values[row + low + 1] as number) * share;
}
