import type { ColumnContract } from '../../core/data/contract.ts';

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const INTEGER = /^[+-]?\d+$/;
/** ISO 8601 as RFC 3339 narrows it: a date, or a date and a time with an optional offset. */
const TIMESTAMP =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T ](?:[01]\d|2[0-3]):[0-5]\d(?::(?:[0-5]\d|60)(?:\.\d{1,9})?)?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)?)?$/;

/**
 * The value of a cell as a finite number, or NaN. `Number` alone would also take white space,
 * hexadecimal digits and "Infinity".
 */
export function decimalOf(cell: string): number {
  const value = DECIMAL.test(cell) ? Number(cell) : Number.NaN;
  return Number.isFinite(value) ? value : Number.NaN;
}

/** Whether a cell that is not empty has the type of its column. Any text is a string. */
export function hasType(cell: string, type: ColumnContract['type']): boolean {
  switch (type) {
    case 'string':
      return true;
    case 'integer':
      return INTEGER.test(cell);
    case 'number':
      return !Number.isNaN(decimalOf(cell));
    case 'timestamp':
      return isTimestamp(cell);
  }
}

function isTimestamp(cell: string): boolean {
  const [matched, year, month, day] = TIMESTAMP.exec(cell) ?? [];
  if (matched === undefined) return false;
  const [monthOfYear, dayOfMonth] = [Number(month), Number(day)];
  // Day 0 of the next month is the last day of this one.
  const lastDay = new Date(Date.UTC(Number(year), monthOfYear, 0)).getUTCDate();
  return monthOfYear >= 1 && monthOfYear <= 12 && dayOfMonth >= 1 && dayOfMonth <= lastDay;
}
