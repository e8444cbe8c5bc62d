import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { OrreryError } from '../../core/errors.ts';
import { sshError } from './errors.ts';
import type { SshSettings } from './settings.ts';

/** The host's side, which goes along with every call. */
const HOST_SCRIPT = readFileSync(join(import.meta.dirname, 'host.sh'), 'utf8');
/** Seconds without a sign of life before the client gives up, and how often it asks. */
const ALIVE_SECONDS = 5;
const ALIVE_TRIES = 3;
/** Characters of an answer; a list of some ten thousand jobs. */
const ANSWER_CHARACTERS_MAX = 16 * 1024 * 1024;

export interface Call {
  /** For messages: `start the job j1`. */
  readonly action: string;
  readonly order: string;
  readonly words?: readonly string[];
  /** Writes what the order reads. */
  readonly send?: (to: Writable) => Promise<unknown>;
  /** Takes the bytes that come; otherwise the answer is text. */
  readonly receive?: (from: Readable) => Promise<unknown>;
}

/** What one host does when it is asked: `lines` are those of host.sh, `name value`. */
export interface Host {
  ask(call: Call): Promise<readonly Line[]>;
  /** Ends the calls that wait. */
  close(): void;
  /** `ssh://user@host:port/path`, for people. */
  address(path: string): string;
}
export type Line = readonly [name: string, value: string];

/** The OpenSSH client as a child process for each call: no connection is kept, nothing to close. */
export function createHost(settings: SshSettings): Host {
  const { user, host, port, root } = settings;
  const open = new Set<ChildProcess>();
  return {
    close: () => {
      for (const child of open) child.kill();
    },
    ask: async (call) => {
      const command = ['sh', '-c', HOST_SCRIPT, 'orrery', root, call.order, ...(call.words ?? [])];
      const text = await run(open, [...options(settings), command.map(quoted).join(' ')], call);
      return text
        .split('\n')
        .filter((line) => line !== '')
        .map((line): Line => {
          const at = line.indexOf(' ');
          return at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)];
        });
    },
    address: (path) => `ssh://${user}@${host.includes(':') ? `[${host}]` : host}:${port}${path}`,
  };
}

/** A word for a POSIX shell. */
export function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** Nothing of the machine's own SSH configuration counts, and nobody is ever asked for a password. */
function options(settings: SshSettings): readonly string[] {
  const { host, port, user, identityFile, knownHostsFile, connectSeconds } = settings;
  const set = {
    BatchMode: 'yes',
    ConnectTimeout: String(Math.ceil(connectSeconds)),
    IdentitiesOnly: 'yes',
    IdentityAgent: 'none',
    LogLevel: 'ERROR',
    ServerAliveCountMax: String(ALIVE_TRIES),
    ServerAliveInterval: String(ALIVE_SECONDS),
    StrictHostKeyChecking: 'yes',
    UserKnownHostsFile: knownHostsFile,
  };
  const pairs = Object.entries(set).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  return ['-F', 'none', '-T', ...pairs, '-i', identityFile, '-p', String(port), '-l', user, host];
}

async function run(
  open: Set<ChildProcess>,
  args: readonly string[],
  { action, send, receive }: Call,
): Promise<string> {
  const child = spawn('ssh', args, { stdio: ['pipe', 'pipe', 'pipe'] });
  open.add(child);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', (cause: NodeJS.ErrnoException) => {
      const state = cause.code === 'ENOENT' ? 'no program "ssh" is installed' : cause.message;
      reject(new OrreryError('TOOL_MISSING', `Cannot ${action}: ${state}`, { cause }));
    });
    child.once('close', resolve);
  }).finally(() => open.delete(child));
  let text = '';
  let told = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (told += chunk));
  if (receive === undefined) {
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (text.length > ANSWER_CHARACTERS_MAX) child.kill();
    });
  }
  // The host may answer before it has read everything; how it ended tells what that means.
  child.stdin.on('error', () => undefined);
  if (send === undefined) child.stdin.end();
  const streams = Promise.all([send?.(child.stdin).catch(ignorePipe), receive?.(child.stdout)]);
  streams.catch(() => child.kill());
  const code = await ended;
  await streams;
  if (code !== 0) throw sshError(action, { code, told });
  return text;
}

function ignorePipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
}
