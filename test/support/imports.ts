import { posix } from 'node:path';
import { textOf } from './project-files.ts';

export interface Import {
  readonly file: string;
  readonly specifier: string;
  /** Erased before anything runs. */
  readonly typeOnly: boolean;
  /** The file it leads to, relative to the root; null for a package or a Node built-in. */
  readonly target: string | null;
}

const STATIC = /^(?:import|export)\s+(type\s)?[^'"`;]*?from\s+'([^']+)'/gm;
const BARE = /^import\s+'([^']+)'/gm;
const DYNAMIC = /(typeof\s+)?(?<![.\w])import\('([^']+)'\)/g;

/** Every import of a file, read from its text and not by the linter. */
export function importsOf(file: string): Import[] {
  const text = textOf(file).replaceAll(/^\s*(?:\/\*\*?|\*|\/\/).*$/gm, '');
  const of = (specifier: string, typeOnly: boolean): Import => ({
    file,
    specifier,
    typeOnly,
    target: specifier.startsWith('.') ? posix.join(posix.dirname(file), specifier) : null,
  });
  return [
    ...[...text.matchAll(STATIC)].map(([, type, path = '']) => of(path, type !== undefined)),
    ...[...text.matchAll(BARE)].map(([, path = '']) => of(path, false)),
    ...[...text.matchAll(DYNAMIC)].map(([, type, path = '']) => of(path, type !== undefined)),
  ];
}

/** `@scope/name/deep.js` → `@scope/name`; `node:fs/promises` → `node:fs`. */
export function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}
