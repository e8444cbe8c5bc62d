import type { Command } from 'commander';
import type { Client } from '@temporalio/client';
import type { Io } from './io.ts';
import { UsageError } from './io.ts';

/** What each command adds to the shared ones. */
export interface LeafOptions {
  readonly name: string;
  readonly summary: string;
  readonly examples: readonly string[];
}

/** A command that does something: it takes `--json`, and its help ends with examples. */
export function leaf(parent: Command, { name, summary, examples }: LeafOptions): Command {
  return parent
    .command(name)
    .description(summary)
    .option('--json', 'print JSON, for programs')
    .addHelpText(
      'after',
      `\nExamples:\n${examples.map((example) => `  $ ${example}`).join('\n')}\n`,
    );
}

export function group(parent: Command, name: string, summary: string): Command {
  return parent.command(name).description(summary);
}

/** Prints a value as JSON, or what it says to a human. */
export function print(
  io: Io,
  options: { readonly json?: boolean },
  value: unknown,
  human: string,
): void {
  io.out(options.json === true ? `${JSON.stringify(value, null, 2)}\n` : `${human}\n`);
}

export async function withClient<T>(io: Io, use: (client: Client) => Promise<T>): Promise<T> {
  const engine = await io.openEngine();
  try {
    return await use(engine.client);
  } finally {
    await engine.close();
  }
}

/** Asks before something is undone for good. @throws UsageError when nobody can be asked */
export async function ask(
  io: Io,
  options: { readonly yes?: boolean },
  question: string,
): Promise<boolean> {
  if (options.yes === true) return true;
  if (!io.interactive) {
    throw new UsageError(`Cannot ask "${question}": there is no terminal, wanted -y`);
  }
  return io.confirm(question);
}

/** Columns as wide as their widest cell. */
export function columns(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = titles.map((title, index) =>
    Math.max(title.length, ...rows.map((row) => (row[index] ?? '').length)),
  );
  return [titles, ...rows]
    .map((row) =>
      row
        .map((cell, index) => cell.padEnd(widths[index] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
