import type {
  ColumnContract,
  DataContract,
  DataReport,
  Violation,
} from '../../core/data/contract.ts';
import { OrreryError } from '../../core/errors.ts';
import { decimalOf } from './cell-types.ts';
import { cellViolation, columnCheck } from './column-check.ts';
import type { ColumnCheck } from './column-check.ts';
import { eachCsvRow } from './csv-rows.ts';

/** Most bytes of one table; it is held in memory as text. */
export const CSV_BYTES_MAX = 256 * 1024 * 1024;

/**
 * Checks a table with a header line against its contract and tells everything that is broken, a
 * column at a time. Columns that the contract does not name are not looked at. The label must be 0
 * or 1 in every row, and both must occur.
 *
 * @throws OrreryError DATA_UNREADABLE when there are too many bytes or they are not UTF-8
 */
export function checkCsv(bytes: Uint8Array, contract: DataContract): DataReport {
  const table = new TableCheck(contract);
  const fault = eachCsvRow(decode(bytes), (cells, line) => table.add(cells, line));
  return table.report(
    fault === null
      ? []
      : [
          {
            kind: 'parse',
            column: null,
            count: 0,
            message: `Cannot read the table past line ${fault.line}: ${fault.reason}, wanted CSV after RFC 4180`,
          },
        ],
  );
}

function decode(bytes: Uint8Array): string {
  if (bytes.length > CSV_BYTES_MAX) {
    throw new OrreryError(
      'DATA_UNREADABLE',
      `Cannot check a table of ${bytes.length} bytes: at most ${CSV_BYTES_MAX} are read`,
    );
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new OrreryError(
      'DATA_UNREADABLE',
      'Cannot check the table: its bytes are not UTF-8, wanted UTF-8',
      { cause },
    );
  }
}

/** A column of the contract that the header has. */
interface Found {
  readonly index: number;
  readonly check: ColumnCheck;
}

class TableCheck {
  readonly #contract: DataContract;
  #header: readonly string[] | null = null;
  #found: readonly Found[] = [];
  #labelIndex = -1;
  #rows = 0;
  #positives = 0;
  #wrongWidth = { count: 0, line: 0 };
  #wrongLabel = { count: 0, line: 0 };

  constructor(contract: DataContract) {
    this.#contract = contract;
  }

  add(cells: readonly string[], line: number): void {
    if (this.#header === null) {
      this.#readHeader(cells);
      return;
    }
    if (cells.length !== this.#header.length) {
      this.#wrongWidth = first(this.#wrongWidth, line);
      return;
    }
    this.#rows += 1;
    const label = this.#labelOf(cells, line);
    for (const { index, check } of this.#found) check.add(cells[index] as string, line, label);
  }

  report(faults: readonly Violation[]): DataReport {
    const { rowsMin, leakageCorrelationMax } = this.#contract;
    return {
      rows: this.#rows,
      positives: this.#positives,
      violations: [
        ...faults,
        ...this.#headerViolations(),
        ...this.#widthViolations(),
        ...(this.#rows < rowsMin
          ? [table('rows', 0, `it has ${this.#rows} rows, wanted at least ${rowsMin}`)]
          : []),
        ...this.#labelViolations(),
        ...this.#found.flatMap(({ check }) => check.violations(this.#rows, leakageCorrelationMax)),
      ],
    };
  }

  /** The label need not be among the columns with a contract of their own. */
  #wanted(): readonly string[] {
    const { columns, label } = this.#contract;
    return [...new Set([...columns.map(({ name }) => name), label])];
  }

  #readHeader(header: readonly string[]): void {
    this.#header = header;
    this.#labelIndex = header.indexOf(this.#contract.label);
    this.#found = this.#contract.columns
      .map((column: ColumnContract) => ({
        index: header.indexOf(column.name),
        check: columnCheck(column, column.name === this.#contract.label),
      }))
      .filter(({ index }) => index >= 0);
  }

  #labelOf(cells: readonly string[], line: number): 0 | 1 | null {
    const cell = cells[this.#labelIndex];
    if (cell === undefined) return null;
    const value = decimalOf(cell);
    if (value !== 0 && value !== 1) {
      this.#wrongLabel = first(this.#wrongLabel, line);
      return null;
    }
    this.#positives += value;
    return value;
  }

  #headerViolations(): Violation[] {
    const header = this.#header ?? [];
    return this.#wanted().flatMap((name): Violation[] => {
      const count = header.filter((other) => other === name).length;
      if (count === 1) return [];
      const kind = count === 0 ? 'column-missing' : 'column-duplicate';
      const message = `Cannot use column "${name}": the header has it ${count} times, wanted once`;
      return [{ kind, column: name, count: 0, message }];
    });
  }

  #widthViolations(): Violation[] {
    const { count, line } = this.#wrongWidth;
    if (count === 0) return [];
    const state = `${count} lines do not have the ${this.#header?.length} cells of the header (first on line ${line})`;
    return [table('parse', count, state)];
  }

  #labelViolations(): Violation[] {
    if (this.#labelIndex < 0) return [];
    const { label } = this.#contract;
    const { count, line } = this.#wrongLabel;
    const wrong = count === 0 ? [] : [cellViolation('label', label, count, line, 'not 0 or 1')];
    const negatives = this.#rows - count - this.#positives;
    if (negatives > 0 && this.#positives > 0) return wrong;
    const message = `Cannot use column "${label}": ${negatives} rows are 0 and ${this.#positives} are 1, wanted some of each`;
    return [...wrong, { kind: 'label', column: label, count: 0, message }];
  }
}

function table(kind: 'parse' | 'rows', count: number, state: string): Violation {
  return { kind, column: null, count, message: `Cannot use the table: ${state}` };
}

function first(wrong: { count: number; line: number }, line: number): typeof wrong {
  return { count: wrong.count + 1, line: wrong.count === 0 ? line : wrong.line };
}
