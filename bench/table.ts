/** What a figure has to reach: at most or at least so much, in the row's unit. */
export interface Goal {
  readonly bound: 'at most' | 'at least';
  readonly value: number;
}

/** The same quantity as somebody else measured it, in the row's unit. */
export interface Peer {
  readonly value: number;
  /** Whose figure it is and where it is published. */
  readonly source: string;
}

export interface BenchRow {
  readonly metric: string;
  readonly value: number;
  readonly unit: string;
  readonly goal: Goal | null;
  readonly peer: Peer | null;
  /** How many times better than the peer: above 1 is better, whichever way the goal points. */
  readonly ratio: number | null;
}

export interface BenchResult {
  readonly name: string;
  readonly rows: readonly BenchRow[];
}

/** What a bench file exports as `bench`. */
export interface Bench {
  /** One sentence: what is measured, and on what. */
  readonly summary: string;
  /** @param args words after the name of the bench */
  run(args: readonly string[]): Promise<readonly BenchRow[]>;
}

/** Makes a row; the ratio follows from the peer and from the direction of the goal. */
export function row(
  metric: string,
  value: number,
  unit: string,
  against: { readonly goal?: Goal; readonly peer?: Peer } = {},
): BenchRow {
  const { goal = null, peer = null } = against;
  return { metric, value, unit, goal, peer, ratio: ratioOf(value, goal, peer) };
}

function ratioOf(value: number, goal: Goal | null, peer: Peer | null): number | null {
  if (peer === null || value === 0 || peer.value === 0) return null;
  return goal?.bound === 'at least' ? value / peer.value : peer.value / value;
}

export function atMost(value: number): Goal {
  return { bound: 'at most', value };
}
export function atLeast(value: number): Goal {
  return { bound: 'at least', value };
}

export function isReached(goal: Goal, value: number): boolean {
  return goal.bound === 'at most' ? value <= goal.value : value >= goal.value;
}

/** Value below which the share `p` (0–1) of the samples lies: nearest rank. */
export function percentile(samples: readonly number[], p: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const rank = Math.max(1, Math.ceil(p * sorted.length));
  const value = sorted[rank - 1];
  if (value === undefined) {
    throw new RangeError('Cannot take a percentile of 0 samples: wanted at least 1');
  }
  return value;
}

/** The table that a person reads. */
export function tableText(result: BenchResult): string {
  const header = ['metric', 'value', 'unit', 'goal', 'peer', 'ratio'];
  const lines = result.rows.map((line) => [
    line.metric,
    numberText(line.value),
    line.unit,
    goalText(line),
    line.peer === null ? '' : `${numberText(line.peer.value)} (${line.peer.source})`,
    line.ratio === null ? '' : `${numberText(line.ratio)}×`,
  ]);
  const widths = header.map((title, column) =>
    Math.max(title.length, ...lines.map((line) => line[column]?.length ?? 0)),
  );
  const text = (cells: readonly string[]) =>
    cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ');
  return [result.name, '', text(header), text(widths.map((width) => '-'.repeat(width)))]
    .concat(lines.map(text))
    .map((line) => line.trimEnd())
    .join('\n');
}

function goalText({ goal, value }: BenchRow): string {
  if (goal === null) return '';
  const sign = goal.bound === 'at most' ? '≤' : '≥';
  return `${sign} ${numberText(goal.value)} ${isReached(goal, value) ? 'reached' : 'missed'}`;
}

/** Whole numbers as they are, others with three significant digits. */
function numberText(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(3)));
}
