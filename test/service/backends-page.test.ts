import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { backendsPage } from '../../docs/backends-page.ts';

/** Prettier lays tables out; the words are the same. */
const words = (text: string) =>
  text.replaceAll(/-{3,}/g, '---').replaceAll(/\s+/g, ' ').replaceAll(/[_*]/g, '');

test('docs/backends.md is what npm run docs writes', async () => {
  const path = join(import.meta.dirname, '..', '..', 'docs', 'backends.md');
  expect(words(await readFile(path, 'utf8'))).toBe(words(await backendsPage()));
});
