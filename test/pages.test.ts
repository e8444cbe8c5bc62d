import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { exists, filesUnder, textOf, writtenFiles } from './support/project-files.ts';

const ARCHITECTURE_LINES_MAX = 80;

const pages = ['README.md', ...filesUnder('docs').filter((path) => path.endsWith('.md'))];

describe('A page for people', () => {
  test.each(pages)('%s links to files that exist', (page) => {
    const links = [...textOf(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
    const relative = links.filter((link) => !/^[a-z]+:|^#/.test(link));
    const lost = relative.filter((link) => {
      const [path = ''] = link.split('#');
      return !exists(join(dirname(page), path));
    });
    expect(lost).toEqual([]);
  });

  test('tells the architecture on one screen', () => {
    const lines = textOf('docs/architecture.md').trimEnd().split('\n').length;
    expect(lines).toBeLessThanOrEqual(ARCHITECTURE_LINES_MAX);
  });
});

describe('A file of the project', () => {
  const own = 'test/pages.test.ts';
  const files = writtenFiles().filter((path) => path !== own);

  test('leaves nothing to be done later', () => {
    expect(files.length).toBeGreaterThan(300);
    expect(matching(files, /\b(TODO|FIXME|XXX)\b/)).toEqual([]);
  });

  test('names no folder of the machine it was written on', () => {
    // An image lays out its own file system, and tests may use the folder for temporary files.
    const bound = files.filter((path) => path !== 'Dockerfile' && !path.startsWith('test/'));
    expect(matching(bound, /(^|[\s"'`=(:])\/(tmp|work|root|home)\//m)).toEqual([]);
  });

  test('names no host of a package registry', () => {
    const hosts = /(registry\.[a-z-]+\.(org|com|io)|pypi\.org|files\.pythonhosted\.org|ghcr\.io)/;
    expect(matching(files, hosts)).toEqual([]);
    expect(textOf('package-lock.json')).not.toMatch(hosts);
  });
});

function matching(files: readonly string[], pattern: RegExp): string[] {
  return files.flatMap((path) => {
    const found = pattern.exec(textOf(path));
    return found === null ? [] : [`${path}: ${found[0].trim()}`];
  });
}
