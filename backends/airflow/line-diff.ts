import { diff } from 'node:util';

/** Unchanged lines that are shown around a change. */
const CONTEXT = 2;
const SIGNS: Readonly<Record<number, string>> = { [-1]: '-', 0: ' ', 1: '+' };

/** What changes from one text to another, line by line: `-` goes, `+` comes. Empty when nothing does. */
export function lineDiff(before: string, after: string): string {
  // `diff` marks with 1 what its first argument alone has.
  const lines = diff(after.split('\n'), before.split('\n')).map(([sign, line]) => ({
    changed: sign !== 0,
    text: `${SIGNS[sign] ?? ' '} ${line}`,
  }));
  const near = (at: number) =>
    lines.slice(Math.max(0, at - CONTEXT), at + CONTEXT + 1).some(({ changed }) => changed);
  return lines
    .filter((_, at) => near(at))
    .map(({ text }) => text)
    .join('\n');
}
