import { OrreryError } from '../../core/errors.ts';

/** The labels and scores of a `scores.csv`, row by row. */
export interface Scores {
  /** 0 or 1 */
  readonly labels: Uint8Array;
  /** Finite; higher means more likely positive. */
  readonly scores: Float64Array;
}

/** Most bytes of one file of scores; it is held in memory as text. */
export const SCORES_BYTES_MAX = 256 * 1024 * 1024;

const HEADER = 'label,score';
/** A decimal number; `Number` alone would also take "", " ", "0x1f" and "Infinity". */
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

/**
 * Reads the header `label,score` and one row a line.
 *
 * @param name of the model, for messages
 * @throws OrreryError DATA_UNREADABLE, naming the first bad line
 */
export function readScores(name: string, bytes: Uint8Array): Scores {
  if (bytes.length > SCORES_BYTES_MAX) {
    throw unreadable(name, `it has ${bytes.length} bytes, at most ${SCORES_BYTES_MAX} are read`);
  }
  const lines = new TextDecoder().decode(bytes).split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  if (lines[0] !== HEADER) throw unreadable(name, `line 1 is not the header "${HEADER}"`);
  const rows = lines.length - 1;
  const labels = new Uint8Array(rows);
  const scores = new Float64Array(rows);
  for (let row = 0; row < rows; row += 1) {
    const line = lines[row + 1] as string;
    const comma = line.indexOf(',');
    const [label, score] = [line.slice(0, comma), line.slice(comma + 1)];
    if (comma < 0 || !DECIMAL.test(label) || !DECIMAL.test(score)) {
      throw unreadable(name, `line ${row + 2} is not two decimal numbers`);
    }
    const [labelValue, scoreValue] = [Number(label), Number(score)];
    if (labelValue !== 0 && labelValue !== 1) {
      throw unreadable(name, `the label on line ${row + 2} is not 0 or 1`);
    }
    if (!Number.isFinite(scoreValue)) {
      throw unreadable(name, `the score on line ${row + 2} is not finite`);
    }
    labels[row] = labelValue;
    scores[row] = scoreValue;
  }
  return { labels, scores };
}

/** An error about a file of scores. */
export function unreadable(name: string, state: string): OrreryError {
  return new OrreryError('DATA_UNREADABLE', `Cannot read the scores of the ${name}: ${state}`);
}
