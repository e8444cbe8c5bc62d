/** What a table must look like before anything is trained on it. */
export interface DataContract {
  readonly format: 'csv';
  readonly columns: readonly ColumnContract[];
  /** The column that is predicted. */
  readonly label: string;
  /** Fewest data rows. */
  readonly rowsMin: number;
  /**
   * A feature whose absolute correlation with the label reaches this is taken for a copy of it.
   * 0–1; default 0.98.
   */
  readonly leakageCorrelationMax: number;
}

export interface ColumnContract {
  readonly name: string;
  readonly type: 'number' | 'integer' | 'string' | 'timestamp';
  /** Inclusive bounds, for numbers. */
  readonly min?: number;
  readonly max?: number;
  /** Largest share of empty cells, 0–1; default 0. */
  readonly nullShareMax?: number;
  /** The only values allowed, for strings and integers. */
  readonly values?: readonly (string | number)[];
  /** Identifiers and labels are not features: they are not looked at for leakage. */
  readonly role?: 'feature' | 'identifier' | 'label' | 'time';
}

export type ViolationKind =
  | 'column-missing'
  | 'column-duplicate'
  | 'type'
  | 'range'
  | 'nulls'
  | 'values'
  | 'rows'
  | 'leakage'
  | 'label'
  | 'parse';

/** One broken promise, said so that the owner of the data can mend it. */
export interface Violation {
  readonly kind: ViolationKind;
  readonly column: string | null;
  /** Rows concerned; 0 when the whole table is. */
  readonly count: number;
  /** Action, value, state, wanted state. */
  readonly message: string;
}

export interface DataReport {
  readonly rows: number;
  readonly positives: number;
  readonly violations: readonly Violation[];
}

/** Most violations that are told one by one; the rest is counted. */
export const VIOLATIONS_TOLD_MAX = 20;

export function violationsText(violations: readonly Violation[]): string {
  const told = violations.slice(0, VIOLATIONS_TOLD_MAX).map((violation) => violation.message);
  const rest = violations.length - told.length;
  return [...told, ...(rest > 0 ? [`and ${rest} more`] : [])].join('; ');
}
