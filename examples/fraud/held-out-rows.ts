import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

/** One transaction as the scoring server takes it: feature → number. */
export type FeatureRow = Readonly<Record<string, number>>;

/**
 * The first rows of a `heldout.csv` without the label, to be sent as live traffic.
 *
 * @param rowsMax 1–
 * @throws RangeError when a cell is no number or the file has no rows
 */
export async function readHeldOutRows(
  path: string,
  rowsMax: number,
  label = 'is_fraud',
): Promise<readonly FeatureRow[]> {
  const rows: FeatureRow[] = [];
  let names: readonly string[] | null = null;
  const input = createReadStream(path, 'utf8');
  try {
    for await (const line of createInterface({ input, crlfDelay: Infinity })) {
      const cells = line.split(',');
      if (names === null) {
        names = cells;
        continue;
      }
      rows.push(rowOf(names, cells, label));
      if (rows.length >= rowsMax) break;
    }
  } finally {
    input.destroy();
  }
  if (rows.length === 0) throw new RangeError(`Cannot read ${path}: it has no rows, wanted some`);
  return rows;
}

function rowOf(names: readonly string[], cells: readonly string[], label: string): FeatureRow {
  const row: Record<string, number> = {};
  for (const [index, name] of names.entries()) {
    const cell = cells[index] ?? '';
    const value = Number(cell);
    if (cell.trim() === '' || !Number.isFinite(value)) {
      throw new RangeError(`Cannot read ${name} "${cell}": it is no number, wanted one`);
    }
    if (name !== label) row[name] = value;
  }
  return row;
}
