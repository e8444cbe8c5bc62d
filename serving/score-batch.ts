/**
 * A job after docs/jobs.md: scores `heldout.csv` with `model.onnx`, both in ORRERY_INPUT_DIR, by the
 * code that answers live requests, and writes `scores.csv` with the header `label,score` into
 * ORRERY_OUTPUT_DIR, one line for each input row and in its order. The column of the label is named
 * by the parameter `label`; its values are copied as they stand.
 *
 * Exit codes: 0; 64 for input that will be wrong again; 1 otherwise.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { once } from 'node:events';
import { parse } from 'csv-parse';
import { OrreryError } from '../core/errors.ts';
import { EXIT_REJECTED } from '../core/training/attempts.ts';
import { loadModel } from './model.ts';
import type { ScoringModel } from './model.ts';
import { isScorable } from './rows.ts';

const MODEL_FILE = 'model.onnx';
const INPUT_FILE = 'heldout.csv';
const OUTPUT_FILE = 'scores.csv';
/** Rows that are scored at once; memory stays flat whatever the size of the file. */
const CHUNK_ROWS = 4_096;

interface Chunk {
  readonly labels: string[];
  readonly columns: Float32Array[];
}

interface Places {
  readonly inputDir: string;
  readonly outputDir: string;
  readonly progressFile: string;
  readonly label: string;
}

async function run(): Promise<void> {
  const places = await readPlaces();
  const scorer = await loadModel(await readInput(join(places.inputDir, MODEL_FILE)));
  await scoreFile(scorer, places);
  await scorer.close();
}

async function scoreFile(scorer: ScoringModel, places: Places): Promise<void> {
  const input = join(places.inputDir, INPUT_FILE);
  const bytes = await stat(input).then(
    ({ size }) => size,
    () => {
      throw rejected(`Cannot score ${input}: it cannot be read`);
    },
  );
  const output = createWriteStream(join(places.outputDir, OUTPUT_FILE));
  output.write('label,score\n');
  const parser = createReadStream(input).pipe(parse());
  let header: Header | undefined;
  let chunk = newChunk(scorer);
  let rows = 0;
  const flush = async () => {
    if (chunk.labels.length === 0) return;
    const text = await scoreChunk(scorer, chunk);
    if (!output.write(text)) await once(output, 'drain');
    chunk = newChunk(scorer);
    await tell(places.progressFile, parser.info.bytes, bytes, `scored ${rows} rows`);
  };
  for await (const record of parser as AsyncIterable<string[]>) {
    if (header === undefined) {
      header = readHeader(record, scorer.features, places.label);
      continue;
    }
    rows += 1;
    addRow(chunk, record, header, rows);
    if (chunk.labels.length === CHUNK_ROWS) await flush();
  }
  if (rows === 0) throw rejected(`Cannot score ${input}: it has no rows`);
  await flush();
  output.end();
  await once(output, 'close');
  await tell(places.progressFile, bytes, bytes, `scored ${rows} rows`);
}

interface Header {
  readonly label: number;
  readonly features: readonly { readonly name: string; readonly index: number }[];
}

function readHeader(record: readonly string[], features: readonly string[], label: string): Header {
  const indexOf = (name: string): number => {
    const index = record.indexOf(name);
    if (index < 0) throw rejected(`Cannot score ${INPUT_FILE}: the column "${name}" is missing`);
    return index;
  };
  return {
    label: indexOf(label),
    features: features.map((name) => ({ name, index: indexOf(name) })),
  };
}

function newChunk(scorer: ScoringModel): Chunk {
  return { labels: [], columns: scorer.features.map(() => new Float32Array(CHUNK_ROWS)) };
}

function addRow(chunk: Chunk, record: readonly string[], header: Header, row: number): void {
  const place = chunk.labels.length;
  header.features.forEach(({ name, index }, column) => {
    const cell = record[index] ?? '';
    const value = Number(cell);
    if (cell.trim() === '' || !isScorable(value)) {
      throw rejected(`Cannot score row ${row} "${name}": it is "${cell}", wanted a finite number`);
    }
    (chunk.columns[column] as Float32Array)[place] = value;
  });
  chunk.labels.push(record[header.label] ?? '');
}

async function scoreChunk(scorer: ScoringModel, { labels, columns }: Chunk): Promise<string> {
  const rows = labels.length;
  const scores = await scorer.score(
    columns.map((column) => column.subarray(0, rows)),
    rows,
  );
  return labels.map((label, index) => `${label},${scores[index]}\n`).join('');
}

async function readPlaces(): Promise<Places> {
  const wanted = (name: string): string => {
    const value = process.env[name];
    if (value === undefined) throw rejected(`Cannot score: ${name} is not set`);
    return value;
  };
  const params: unknown = JSON.parse(String(await readInput(wanted('ORRERY_PARAMS_FILE'))));
  const label = (params as { label?: unknown } | null)?.label;
  if (typeof label !== 'string') {
    throw rejected('Cannot score: the parameter "label" is missing, wanted the name of a column');
  }
  return {
    inputDir: wanted('ORRERY_INPUT_DIR'),
    outputDir: wanted('ORRERY_OUTPUT_DIR'),
    progressFile: wanted('ORRERY_PROGRESS_FILE'),
    label,
  };
}

async function readInput(file: string): Promise<Buffer> {
  return readFile(file).catch((cause: unknown) => {
    throw rejected(`Cannot read ${file}: ${String(cause)}`);
  });
}

/** Progress in percent of the bytes read, because the number of rows is known only at the end. */
async function tell(file: string, done: number, all: number, message: string): Promise<void> {
  const step = Math.min(100, Math.floor((100 * done) / Math.max(1, all)));
  await writeFile(`${file}.next`, JSON.stringify({ step, steps: 100, message }));
  await rename(`${file}.next`, file);
}

function rejected(message: string): OrreryError {
  return new OrreryError('JOB_REJECTED', message);
}

/** A file that is no CSV and a model that does not load are as wrong at the next attempt. */
function isInputFault(error: unknown): boolean {
  if (error instanceof OrreryError) return true;
  if (error instanceof SyntaxError) return true;
  return error instanceof Error && 'code' in error && String(error.code).startsWith('CSV_');
}

run().catch((error: unknown) => {
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof OrreryError ? error.code : 'INTERNAL';
  process.stderr.write(`${JSON.stringify({ code, message })}\n`);
  process.exitCode = isInputFault(error) ? EXIT_REJECTED : 1;
});
