import { describe, expect, test } from '@jest/globals';
import { REGISTRY } from '../backends/registry.ts';
import { exists, textOf } from './support/project-files.ts';

const PAGE = 'docs/adding-a-backend.md';
const LINES_MAX = 120;
const text = textOf(PAGE);

/** Paths between backticks, without those that have a place to fill in. */
const paths = [...text.matchAll(/`([a-z]+\/[\w./-]+)`/g)].map(([, path = '']) => path);
/** A block of code whose first line names the file that it is taken from. */
const excerpts = [...text.matchAll(/^```\w+\n(?:\/\/|#) (\S+)\n(.*?)^```$/gms)].map(
  ([, path = '', code = '']) => ({ path, code }),
);

describe(PAGE, () => {
  test(`is read in a few minutes: at most ${LINES_MAX} lines`, () => {
    expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(LINES_MAX);
  });

  test('names only paths that exist', () => {
    expect(paths.length).toBeGreaterThan(10);
    expect(paths.filter((path) => !exists(path))).toEqual([]);
  });

  test('shows code as it stands in the files', () => {
    expect(excerpts.length).toBe([...text.matchAll(/^```\w/gm)].length);
    const strange = excerpts.filter(({ path, code }) => !textOf(path).includes(code));
    expect(strange).toEqual([]);
  });

  test('is about a backend that is registered', () => {
    expect(Object.keys(REGISTRY)).toContain('ssh');
  });
});
