import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { backendsPage } from './backends-page.ts';
import { errorsPage } from './errors-page.ts';

const PAGES = { 'errors.md': errorsPage, 'backends.md': backendsPage } as const;

for (const [name, page] of Object.entries(PAGES)) {
  const path = join(import.meta.dirname, name);
  const options = { ...(await resolveConfig(path)), filepath: path };
  await writeFile(path, await format(await page(), options));
}
