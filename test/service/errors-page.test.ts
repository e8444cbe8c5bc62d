import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { errorsPage } from '../../docs/errors-page.ts';

test('docs/errors.md is what npm run docs writes', async () => {
  const path = join(import.meta.dirname, '..', '..', 'docs', 'errors.md');
  expect(await readFile(path, 'utf8')).toBe(errorsPage());
});
