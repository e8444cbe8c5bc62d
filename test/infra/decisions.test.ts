import { readdirSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { readText, ROOT } from './compose-file.ts';

const files = readdirSync(new URL('docs/decisions/', ROOT)).sort();
const LINES_MAX = 40;

describe('docs/decisions', () => {
  it('numbers its records without gaps', () => {
    const numbers = files.map((file) => Number(/^(\d{3})-[a-z0-9-]+\.md$/.exec(file)?.[1]));
    expect(numbers).toEqual(files.map((_, index) => index + 1));
  });

  it.each(files)('%s states context, decision and consequences on half a page', (file) => {
    const text = readText(`docs/decisions/${file}`);
    expect(text).toMatch(new RegExp(`^# ${file.slice(0, 3)} .+\n`));
    const parts = [...text.matchAll(/^\*\*(\w+)\.\*\* /gm)].map(([, name]) => name);
    expect(parts).toEqual(['Context', 'Decision', 'Consequences']);
    expect(text.split('\n').length).toBeLessThanOrEqual(LINES_MAX);
  });
});
