/** Files that are there whole or not at all, whatever dies in between. */
import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { OrreryError } from '../../core/errors.ts';

/** For everybody to read; secrets pass 0o600. */
const MODE_DEFAULT = 0o644;

/**
 * Replaces the file: readers see the old content or the new one.
 *
 * @throws OrreryError DISK_FULL
 */
export async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = await writeBeside(path, content, MODE_DEFAULT);
  await rename(temporary, path);
  await syncFolder(dirname(path));
}

/**
 * Creates the file with its content, or answers false because it exists. Of any number of
 * processes that try at once exactly one gets true: link(2) is atomic and refuses to replace.
 *
 * @throws OrreryError DISK_FULL
 */
export async function createWhole(
  path: string,
  content: string | Uint8Array,
  mode = MODE_DEFAULT,
): Promise<boolean> {
  const temporary = await writeBeside(path, content, mode);
  try {
    await link(temporary, path);
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw diskError(path, error);
  } finally {
    await rm(temporary, { force: true });
  }
  await syncFolder(dirname(path));
  return true;
}

/** The JSON of a file that was written whole; null when there is none. */
export async function readJson<T>(path: string): Promise<T | null> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as T;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/** A name that nobody else uses, starting with a dot so that listings can leave it out. */
export function temporaryName(): string {
  return `.new-${process.pid}-${randomBytes(6).toString('hex')}`;
}

/** Makes a rename or link in the folder survive a power cut. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** The code of a system error, such as `ENOENT`. */
export function errnoOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | null)?.code;
}

/** A full disk as DISK_FULL; any other error as it is. */
export function diskError(path: string, error: unknown): unknown {
  const errno = errnoOf(error);
  if (errno !== 'ENOSPC' && errno !== 'EDQUOT') return error;
  return new OrreryError(
    'DISK_FULL',
    `Cannot write "${path}": ${errno === 'EDQUOT' ? 'the quota is used up' : 'no space is left'}, wanted free space`,
    { cause: error },
  );
}

async function writeBeside(
  path: string,
  content: string | Uint8Array,
  mode: number,
): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = join(dirname(path), temporaryName());
  try {
    const file = await open(temporary, 'wx', mode);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    await rm(temporary, { force: true });
    throw diskError(path, error);
  }
  return temporary;
}
