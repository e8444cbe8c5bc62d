/**
 * `npm run bench -- NAME [--json] [words…]`: runs `bench/NAME.ts`, which exports `bench`.
 * Prints a table, or with `--json` one JSON object `{name, rows}` on the last line.
 * Exits with 64 (EX_USAGE of sysexits.h) for a name that is no bench.
 */
import { readdir, readFile } from 'node:fs/promises';
import { ERRORS, OrreryError } from '../core/errors.ts';
import { tableText } from './table.ts';
import type { Bench } from './table.ts';

const EXIT_USAGE = 64;

/** A bench is a file of this folder that exports `bench`; the others are what benches are made of. */
async function benchNames(): Promise<string[]> {
  const folder = new URL('.', import.meta.url);
  const files = (await readdir(folder)).filter((file) => file.endsWith('.ts'));
  const texts = await Promise.all(files.map((file) => readFile(new URL(file, folder), 'utf8')));
  return files
    .filter((_, index) => /^export const bench: Bench = /m.test(texts[index] ?? ''))
    .map((file) => file.slice(0, -'.ts'.length))
    .sort();
}

async function main(words: readonly string[]): Promise<void> {
  const [name, ...args] = words.filter((word) => word !== '--json');
  const names = await benchNames();
  if (name === undefined || !names.includes(name)) {
    console.error(
      `Cannot run the bench "${name ?? ''}": there is none of this name, the names are ${names.join(', ')}`,
    );
    process.exitCode = EXIT_USAGE;
    return;
  }
  const { bench } = (await import(`./${name}.ts`)) as { readonly bench: Bench };
  const result = { name, rows: await bench.run(args) };
  console.log(
    words.includes('--json') ? JSON.stringify(result) : `${tableText(result)}\n\n${bench.summary}`,
  );
}

main(process.argv.slice(2)).catch((error: unknown) => {
  if (!(error instanceof OrreryError)) throw error;
  console.error(`error ${error.code}: ${error.message}\nnext: ${ERRORS[error.code].action}`);
  process.exitCode = 1;
});
