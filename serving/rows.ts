/** Most rows of one request; larger sets go through the batch job. */
export const ROWS_MAX = 1_000;

/** Why a request cannot be scored, with the field that is wrong, such as `rows[2].amount`. */
export class RowError extends Error {
  override readonly name = 'RowError';
  readonly status: 400 | 413;
  readonly field: string;

  constructor(status: 400 | 413, field: string, message: string) {
    super(message);
    this.status = status;
    this.field = field;
  }
}

/** Rows turned into one column for each feature. */
export interface Columns {
  readonly rows: number;
  readonly columns: readonly Float32Array[];
}

/**
 * Reads `{"rows": [{feature: number, …}, …]}` or `{"row": {…}}`.
 *
 * Fields that are no feature of the model are ignored: callers send what a feature service gives
 * them, and two versions of a model with different features answer the same request during a
 * rollout. A feature that is missing is never guessed.
 *
 * @throws RowError
 */
export function readRows(body: unknown, features: readonly string[]): Columns {
  const rows = rowsOf(body);
  if (rows.length > ROWS_MAX) {
    throw new RowError(
      413,
      'rows',
      `Cannot score ${rows.length} rows at once: a request has at most ${ROWS_MAX}`,
    );
  }
  const columns = features.map(() => new Float32Array(rows.length));
  rows.forEach(({ field, value }, index) => {
    if (!isObject(value)) {
      throw new RowError(400, field, `Cannot score ${field}: it is no object of features`);
    }
    features.forEach((feature, column) => {
      (columns[column] as Float32Array)[index] = readFeature(value, feature, `${field}.${feature}`);
    });
  });
  return { rows: rows.length, columns };
}

/**
 * Whether a number can be given to a model: finite also as float32, whose largest value is about
 * 3.4e38.
 */
export function isScorable(value: number): boolean {
  return Number.isFinite(Math.fround(value));
}

function rowsOf(body: unknown): readonly { readonly field: string; readonly value: unknown }[] {
  if (!isObject(body)) {
    throw new RowError(400, 'body', 'Cannot score the request: its body is no JSON object');
  }
  const hasRow = Object.hasOwn(body, 'row');
  if (hasRow === Object.hasOwn(body, 'rows')) {
    throw new RowError(
      400,
      'rows',
      `Cannot score the request: it has ${hasRow ? 'both "rows" and "row"' : 'no "rows"'}, wanted one of "rows" and "row"`,
    );
  }
  if (hasRow) return [{ field: 'row', value: body['row'] }];
  const { rows } = body;
  if (!Array.isArray(rows) || rows.length === 0) {
    throw new RowError(400, 'rows', 'Cannot score "rows": it is no list with at least one row');
  }
  return rows.map((value: unknown, index) => ({ field: `rows[${index}]`, value }));
}

function readFeature(row: Readonly<Record<string, unknown>>, feature: string, field: string) {
  const value = Object.hasOwn(row, feature) ? row[feature] : undefined;
  if (value === undefined) {
    throw new RowError(400, field, `Cannot score ${field}: it is missing, wanted a finite number`);
  }
  if (typeof value !== 'number' || !isScorable(value)) {
    const told = JSON.stringify(value).slice(0, 60);
    throw new RowError(400, field, `Cannot score ${field} ${told}: wanted a finite number`);
  }
  return value;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
