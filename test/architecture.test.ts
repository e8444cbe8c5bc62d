import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { PROJECT_ROOT } from '../workers/home.ts';
import { importsOf, packageOf } from './support/imports.ts';
import type { Import } from './support/imports.ts';
import { PLANTED } from './support/planted-violations.ts';
import { exists, filesUnder, textOf, topFolders } from './support/project-files.ts';
import { IMPORTED_BY_NOBODY, ROOMS, VENDORS } from './support/rooms.ts';

const PORT_METHODS_MAX = 4;
const FILE_LINES_MAX = 300;

const sources = Object.keys(ROOMS).flatMap((room) =>
  filesUnder(room).filter((path) => path.endsWith('.ts')),
);
const imports = sources.flatMap(importsOf);
const { dependencies, devDependencies } = JSON.parse(textOf('package.json')) as Record<
  'dependencies' | 'devDependencies',
  Record<string, string>
>;

describe('The rooms', () => {
  test('are those of the table and no others', () => {
    expect(topFolders()).toEqual(Object.keys(ROOMS).sort());
  });

  test('are each named in the README', () => {
    const rows = textOf('README.md').match(/^\| `.*$/gm) ?? [];
    const named = rows.flatMap((row) =>
      [...(row.split('|')[1] ?? '').matchAll(/`([a-z]+)\/`/g)].map(([, room]) => room),
    );
    expect(named.sort()).toEqual(Object.keys(ROOMS).sort());
  });

  test('import only what the table allows', () => {
    expect(imports.length).toBeGreaterThan(sources.length);
    expect(imports.filter(isForbidden).map(shown)).toEqual([]);
  });

  test('import nothing of tests, benches and examples', () => {
    const leaning = imports.filter(
      ({ file, target }) =>
        !isIn(file, IMPORTED_BY_NOBODY) && target !== null && isIn(target, IMPORTED_BY_NOBODY),
    );
    expect(leaning.map(shown)).toEqual([]);
  });

  test('lead every relative import to a file that exists', () => {
    const lost = imports.filter(({ target }) => target !== null && !exists(target));
    expect(lost.map(shown)).toEqual([]);
  });

  test('declare every package that they import', () => {
    const packages = imports
      .filter(({ target }) => target === null)
      .map(({ specifier }) => packageOf(specifier))
      .filter((name) => !name.startsWith('node:'));
    const declared = new Set([...Object.keys(dependencies), ...Object.keys(devDependencies)]);
    expect([...new Set(packages)].filter((name) => !declared.has(name))).toEqual([]);
  });
});

describe('The linter', () => {
  const folder = mkdtempSync(join(tmpdir(), 'orrery-planted-'));
  let found: ReadonlySet<string>;

  beforeAll(() => {
    copyFileSync(join(PROJECT_ROOT, '.oxlintrc.json'), join(folder, '.oxlintrc.json'));
    for (const { path, text } of PLANTED) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    found = linted(folder);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each(PLANTED)('refuses $path by $rule', ({ path, rule }) => {
    expect(found).toContain(`${path} ${rule}`);
  });

  test('has a planted violation in every room that it has rules for', () => {
    const { overrides } = JSON.parse(textOf('.oxlintrc.json')) as {
      overrides: { files: string[]; rules: Record<string, unknown> }[];
    };
    const ruled = overrides
      .filter(({ rules }) => rules['no-restricted-imports'] !== undefined)
      .flatMap(({ files }) => files.map((pattern) => pattern.replace(/\/\*\*.*$/, '/')));
    const without = ruled.filter((room) => !PLANTED.some(({ path }) => path.startsWith(room)));
    expect(without).toEqual([]);
  });
});

describe('A source file', () => {
  test(`has at most ${FILE_LINES_MAX} lines`, () => {
    const long = sources.filter((path) => textOf(path).split('\n').length > FILE_LINES_MAX + 1);
    expect(long).toEqual([]);
  });

  test('has a default export only where a tool asks for one', () => {
    const defaults = sources.filter((path) => /^export default /m.test(textOf(path)));
    // Piscina runs what the file of a thread exports as its default.
    expect(defaults).toEqual(['workers/kernel-thread.ts']);
  });

  test('is in kebab-case and says what it is about', () => {
    const names = sources.map((path) => path.split('/').at(-1) ?? '');
    expect(names.filter((name) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.test)?\.ts$/.test(name))).toEqual([]);
    const vague = /^(utils?|helpers?|lib|common|misc|shared)\.ts$/;
    expect(names.filter((name) => vague.test(name))).toEqual([]);
  });
});

describe('core', () => {
  const core = sources.filter((path) => path.startsWith('core/'));

  test('has ports of at most four methods', () => {
    const ports = core.filter((path) => path.startsWith('core/ports/')).flatMap(interfacesOf);
    const methods = ports.map(({ name, body }) => ({
      name,
      methods: [...body.matchAll(/^ {2}[a-zA-Z]+\(/gm)].length,
    }));
    expect(methods.filter((port) => port.methods > 0).length).toBeGreaterThanOrEqual(8);
    expect(methods.filter((port) => port.methods > PORT_METHODS_MAX)).toEqual([]);
  });

  test('explains every exported function and constant that is longer than five lines', () => {
    expect(core.flatMap(unexplained)).toEqual([]);
  });
});

describe('The dependencies', () => {
  test('are pinned exactly', () => {
    const loose = Object.entries({ ...dependencies, ...devDependencies }).filter(
      ([, version]) => !/^\d+\.\d+\.\d+$/.test(version),
    );
    expect(loose).toEqual([]);
  });

  test('name one version of the Temporal SDK, and the protobufjs that it needs', () => {
    const sdk = Object.entries({ ...dependencies, ...devDependencies })
      .filter(([name]) => name.startsWith('@temporalio/'))
      .map(([, version]) => version);
    expect(new Set(sdk).size).toBe(1);
    expect(dependencies['protobufjs']).toBe('8.8.1');
  });
});

function isIn(path: string, rooms: readonly string[]): boolean {
  return rooms.some((room) => path === room || path.startsWith(`${room}/`));
}

function shown({ file, specifier }: Import): string {
  return `${file}: ${specifier}`;
}

function isForbidden(found: Import): boolean {
  const [name = ''] = found.file.split('/');
  const room = ROOMS[name];
  if (room === undefined) return true;
  if (found.target === null) return !allowsPackage(found, room.packages);
  if (name === 'backends' && isOtherBackend(found.file, found.target)) return true;
  if (room.rooms.includes('*') || isIn(found.target, [name, ...room.rooms])) return false;
  return !(found.typeOnly && isIn(found.target, room.types ?? []));
}

function allowsPackage({ file, specifier }: Import, allowed: readonly string[]): boolean {
  const vendor = VENDORS[file.split('/')[1] ?? ''];
  const wanted = packageOf(specifier);
  return allowed
    .flatMap((pattern) => (pattern === 'VENDOR' ? (vendor ?? []) : pattern))
    .some((pattern) =>
      pattern.endsWith('*') ? wanted.startsWith(pattern.slice(0, -1)) : wanted === pattern,
    );
}

/** `connections` holds what the backends of one cloud share; the registry names them all. */
function isOtherBackend(file: string, target: string): boolean {
  const [, own = ''] = file.split('/');
  const [room = '', other = ''] = target.split('/');
  return (
    file !== 'backends/registry.ts' &&
    room === 'backends' &&
    other !== own &&
    other !== 'connections'
  );
}

/** What the linter found, as `path rule`. */
function linted(folder: string): ReadonlySet<string> {
  const program = join(PROJECT_ROOT, 'node_modules', 'oxlint', 'bin', 'oxlint');
  const { stdout } = spawnSync(process.execPath, [program, '--format', 'json', '.'], {
    cwd: folder,
    encoding: 'utf8',
  });
  const { diagnostics } = JSON.parse(stdout) as {
    diagnostics: { code: string; filename: string }[];
  };
  return new Set(
    diagnostics.map(
      ({ code, filename }) => `${filename} ${/\(([a-z-]+)\)/.exec(code)?.[1] ?? code}`,
    ),
  );
}

function interfacesOf(path: string): { readonly name: string; readonly body: string }[] {
  return [...textOf(path).matchAll(/^export interface (\w+)[^\n]*\{\n(.*?)^\}/gms)].map(
    ([, name = '', body = '']) => ({ name, body }),
  );
}

/** Exports without a doc comment above them, unless they fit on five lines. */
function unexplained(path: string): string[] {
  const lines = textOf(path).split('\n');
  return lines.flatMap((line, index) => {
    const name = /^export (?:async )?(?:function|const|class) (\w+)/.exec(line)?.[1];
    if (name === undefined || lines[index - 1]?.trimEnd().endsWith('*/') === true) return [];
    const length = lines.slice(index).findIndex((each) => /^[})\]]|^\S.*;$/.test(each)) + 1;
    return length > 5 ? [`${path}: ${name}`] : [];
  });
}
