import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Digits of a digest in a folder's name: 64 bits tell versions of one thing apart. */
const KEY_DIGITS = 16;

/** Where downloads and builds of test counterparts lie, outside of every checkout. */
export function cacheRoot(): string {
  const { ORRERY_CACHE, XDG_CACHE_HOME } = process.env;
  return ORRERY_CACHE ?? join(XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'orrery');
}

/** Folder of one thing in one set of versions; see `cacheKey`. */
export function cacheDir(name: string, key: string): string {
  return join(cacheRoot(), `${name}-${key}`);
}

/** A key that changes with the text of a lock file, or with anything else that a build hangs on. */
export function cacheKey(...texts: readonly string[]): string {
  return createHash('sha256').update(texts.join('\0')).digest('hex').slice(0, KEY_DIGITS);
}
