import { createInterface } from 'node:readline/promises';
import type { Io } from './io.ts';

/** Bytes that are read from standard input; a request has at most 256 KiB. */
const STDIN_BYTES_MAX = 1024 * 1024;

/** The process's own streams. The Temporal client is loaded only by commands that need it. */
export function terminalIo(): Io {
  return {
    env: process.env,
    interactive: process.stdin.isTTY && process.stderr.isTTY,
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    readStdin,
    confirm,
    openEngine: async () => {
      const { ensureReachable, openEngine } = await import('../connect.ts');
      const engine = await openEngine(process.env);
      try {
        await ensureReachable(engine);
        return engine;
      } catch (error) {
        await engine.close();
        throw error;
      }
    },
  };
}

async function readStdin(): Promise<string> {
  let text = '';
  process.stdin.setEncoding('utf8');
  for await (const chunk of process.stdin) {
    text += chunk as string;
    if (text.length > STDIN_BYTES_MAX) break;
  }
  return text;
}

async function confirm(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
  } finally {
    terminal.close();
  }
}
