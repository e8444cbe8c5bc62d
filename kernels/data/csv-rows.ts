import { parse } from 'csv-parse/sync';

/** Takes the cells of one record and the line on which it ends, the first line being 1. */
export type TakeRow = (cells: readonly string[], line: number) => void;

/** Why reading ended early, and where. */
export interface CsvFault {
  readonly line: number;
  readonly reason: string;
}

/**
 * Hands over the records of a CSV text (RFC 4180; lines end in LF or CRLF), the header included.
 * A blank line is a record of one empty cell. A text without a quote is split directly, which
 * halves the time of a check; any quote sends the whole text to csv-parse. Both give the same
 * records (docs/decisions/005-csv-reading.md); only line numbers differ where a carriage return
 * stands alone, which csv-parse counts as a line.
 *
 * @returns null at the end of the text, or the fault that ended it
 */
export function eachCsvRow(text: string, take: TakeRow): CsvFault | null {
  const body = text.startsWith('\uFEFF') ? text.slice(1) : text;
  if (body.includes('"')) return eachQuotedRow(body, take);
  for (let start = 0, line = 1; start < body.length; line += 1) {
    const found = body.indexOf('\n', start);
    const end = found < 0 ? body.length : found;
    const isCrLf = found > start && body.charCodeAt(found - 1) === CARRIAGE_RETURN;
    take(body.slice(start, isCrLf ? end - 1 : end).split(','), line);
    start = end + 1;
  }
  return null;
}

const CARRIAGE_RETURN = 13;

function eachQuotedRow(body: string, take: TakeRow): CsvFault | null {
  // csv-parse counts a line when it has read its end, and a record is handed over at its end.
  try {
    parse(body, {
      record_delimiter: ['\r\n', '\n'],
      relax_column_count: true,
      on_record: (cells: string[], { lines }) => {
        take(cells, lines);
        return null;
      },
    });
    return null;
  } catch (error) {
    if (!isCsvError(error)) throw error;
    return { line: error.lines ?? 0, reason: error.code };
  }
}

/** The public members of csv-parse's error that hold no cell of the table, as its message may. */
function isCsvError(error: unknown): error is Error & { code: string; lines?: number } {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('CSV_');
}
