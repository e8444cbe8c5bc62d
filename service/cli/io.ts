import type { Engine } from '../connect.ts';

/** What a command touches outside itself; tests bring their own. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether a human can be asked. */
  readonly interactive: boolean;
  out(text: string): void;
  err(text: string): void;
  readStdin(): Promise<string>;
  confirm(question: string): Promise<boolean>;
  openEngine(): Promise<Engine>;
}

/** A command line that cannot be carried out as it stands; the exit code is 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** A command that was carried out and whose answer is no, such as a doctor who misses something. */
export class Unsuccessful extends Error {
  override readonly name = 'Unsuccessful';
}

export const EXIT = { ok: 0, failed: 1, usage: 2 } as const;
