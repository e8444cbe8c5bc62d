import { createRandom } from './random.ts';

/** A CSV table `id,amount,hour,<label>` in which large amounts are likelier to be positive. */
export function drawTable(
  seed: number,
  name: string,
  rows: number,
  positiveShare: number,
  label: string,
): Uint8Array {
  const random = createRandom(seed, `table/${name}`);
  const positives = new Set<number>();
  // The number of positives is exact, so that a small table cannot come out with none by bad luck.
  const wanted = Math.round(rows * positiveShare);
  while (positives.size < wanted) positives.add(Math.floor(random.next() * rows));
  const lines = Array.from({ length: rows }, (_, row) => {
    const positive = positives.has(row);
    const amount = Math.exp(3 + random.normal() + (positive ? 1 : 0)).toFixed(2);
    return `${row + 1},${amount},${Math.floor(random.next() * 24)},${positive ? 1 : 0}`;
  });
  return new TextEncoder().encode(`id,amount,hour,${label}\n${lines.join('\n')}\n`);
}

/** The last column of a CSV table, which is the label in every table of this world; null if it is not 0 or 1. */
export function labelsOf(table: Uint8Array): readonly (0 | 1)[] | null {
  const lines = new TextDecoder().decode(table).trimEnd().split('\n').slice(1);
  const labels = lines.map((line) => line.slice(line.lastIndexOf(',') + 1).trim());
  if (labels.length === 0 || labels.some((label) => label !== '0' && label !== '1')) return null;
  return labels.map((label) => (label === '1' ? 1 : 0));
}
