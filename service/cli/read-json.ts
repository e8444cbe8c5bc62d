import { readFile } from 'node:fs/promises';
import { OrreryError } from '../../core/errors.ts';
import type { Io } from './io.ts';

/** Reads JSON from a file, or from standard input for `-`. @throws OrreryError REQUEST_INVALID */
export async function readJson(io: Io, path: string): Promise<unknown> {
  const text = path === '-' ? await io.readStdin() : await readText(path);
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new OrreryError(
      'REQUEST_INVALID',
      `Cannot read ${path === '-' ? 'standard input' : path}: it is not JSON (${(cause as Error).message})`,
      { cause },
    );
  }
}

/** @throws OrreryError REQUEST_INVALID */
export async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new OrreryError(
      'REQUEST_INVALID',
      `Cannot read ${path}: ${(cause as NodeJS.ErrnoException).code ?? (cause as Error).message}, wanted a readable file`,
      { cause },
    );
  }
}
