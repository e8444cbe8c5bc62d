import type { ColumnContract, Violation, ViolationKind } from '../../core/data/contract.ts';
import { decimalOf, hasType } from './cell-types.ts';
import { leakageGauge } from './leakage.ts';

/** How often a promise was broken, and where first. */
interface Tally {
  count: number;
  line: number;
}

/** Checks the cells of one column, row by row, and tells at the end what was broken. */
export interface ColumnCheck {
  /** @param label of the row: 0, 1, or null when the row has none */
  add(cell: string, line: number, label: 0 | 1 | null): void;
  violations(rows: number, leakageCorrelationMax: number): readonly Violation[];
}

/**
 * An empty cell is a null and nothing else; a cell of the wrong type is not looked at further.
 * Messages name lines and never cells: they enter histories, where personal data may not be.
 */
export function columnCheck(column: ColumnContract, isLabel: boolean): ColumnCheck {
  const wrong = { nulls: tally(), type: tally(), range: tally(), values: tally() };
  const { type, min = -Infinity, max = Infinity } = column;
  const allowed = column.values === undefined ? null : new Set(column.values.map(String));
  const isNumeric = type === 'number' || type === 'integer';
  const isFeature = !isLabel && (column.role ?? 'feature') === 'feature';
  const gauge = isFeature ? leakageGauge() : null;

  return {
    add(cell, line, label) {
      let value = Number.NaN;
      if (cell === '') {
        note(wrong.nulls, line);
      } else if (!hasType(cell, type)) {
        note(wrong.type, line);
      } else {
        if (isNumeric) value = decimalOf(cell);
        if (value < min || value > max) note(wrong.range, line);
        if (allowed !== null && !allowed.has(isNumeric ? String(value) : cell)) {
          note(wrong.values, line);
        }
      }
      if (gauge !== null && label !== null) gauge.add(cell, value, label);
    },
    violations(rows, leakageCorrelationMax) {
      const told = (kind: ViolationKind, { count, line }: Tally, state: string): Violation[] =>
        count === 0 ? [] : [cellViolation(kind, column.name, count, line, state)];
      const nullShareMax = column.nullShareMax ?? 0;
      const tooManyNulls = wrong.nulls.count > nullShareMax * rows;
      return [
        ...told('type', wrong.type, `not of type ${type}`),
        ...told('range', wrong.range, `outside ${rangeText(column)}`),
        ...told('values', wrong.values, `none of the ${allowed?.size ?? 0} allowed values`),
        ...(tooManyNulls
          ? told('nulls', wrong.nulls, `empty, wanted at most ${nullShareMax * 100} % of ${rows}`)
          : []),
        ...leakage(column.name, gauge?.correlation() ?? 0, leakageCorrelationMax),
      ];
    },
  };
}

/** A violation of `count` cells of a column, of which the first is on `line`. */
export function cellViolation(
  kind: ViolationKind,
  column: string,
  count: number,
  line: number,
  state: string,
): Violation {
  const cells = count === 1 ? '1 cell is' : `${count} cells are`;
  const message = `Cannot use column "${column}": ${cells} ${state} (first on line ${line})`;
  return { kind, column, count, message };
}

function leakage(column: string, correlation: number, limit: number): Violation[] {
  if (correlation < limit) return [];
  const message = `Cannot use column "${column}": its correlation with the label is ${correlation.toFixed(4)}, wanted less than ${limit}`;
  return [{ kind: 'leakage', column, count: 0, message }];
}

function rangeText({ min, max }: ColumnContract): string {
  if (min === undefined) return `the range up to ${max}`;
  return max === undefined ? `the range from ${min}` : `the range ${min} to ${max}`;
}

function tally(): Tally {
  return { count: 0, line: 0 };
}

function note(wrong: Tally, line: number): void {
  if (wrong.count === 0) wrong.line = line;
  wrong.count += 1;
}
