import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT_ROOT } from '../../workers/home.ts';

/** What lies in a checkout without belonging to the project. */
const STRANGERS = new Set(
  ['.git/', 'node_modules/', ...readFileSync(join(PROJECT_ROOT, '.gitignore'), 'utf8').split('\n')]
    .filter((line) => line.endsWith('/'))
    .map((line) => line.slice(0, -1)),
);

/** Folders at the top level. Those that begin with a dot are of tools, not of the project. */
export function topFolders(): string[] {
  return readdirSync(PROJECT_ROOT, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map((entry) => entry.name)
    .filter((name) => !STRANGERS.has(name))
    .sort();
}

/** Paths of the project's files under a folder, relative to its root. */
export function filesUnder(folder: string): string[] {
  return readdirSync(join(PROJECT_ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (STRANGERS.has(entry.name)) return [];
    if (entry.isDirectory()) return filesUnder(path);
    return entry.isFile() ? [path] : [];
  });
}

/** Everything that people wrote; the lock file and golden histories are written by programs. */
export function writtenFiles(): string[] {
  return filesUnder('').filter(
    (path) =>
      path !== 'package-lock.json' &&
      !path.startsWith('test/histories/') &&
      !path.startsWith('.ci/') &&
      /\.(ts|py|sh|md|yaml|yml|html|json|txt)$|^[^.]+$|^\.[a-z.]+$/.test(path),
  );
}

export function textOf(path: string): string {
  return readFileSync(join(PROJECT_ROOT, path), 'utf8');
}

export function exists(path: string): boolean {
  return existsSync(join(PROJECT_ROOT, path));
}

export function isFile(path: string): boolean {
  return exists(path) && statSync(join(PROJECT_ROOT, path)).isFile();
}
