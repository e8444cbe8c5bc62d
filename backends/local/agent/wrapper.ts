/**
 * The wrapper: runs the program of one folder (see process-folder.ts) and writes down how it ended.
 * It is a process of its own so that the program's exit code survives the host agent, and it imports
 * next to nothing so that it starts fast. Its only argument is the folder.
 *
 * It ignores the signals that end programs politely: it ends when its program has ended.
 */
import { spawn } from 'node:child_process';
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, renameSync } from 'node:fs';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { identify } from './identity.ts';

/** A full disk may keep the exit from being written: how often and how long to try again. */
const WRITE_RETRY_MS = 1000;
const WRITE_TRIES_MAX = 600;

const folder = process.argv[2] ?? '';
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});
if (claim()) run();

/** Of all wrappers on this folder, the one that creates the file is the one that runs. */
function claim(): boolean {
  const temporary = writeTemporary('wrapper.json', identify(process.pid));
  try {
    linkSync(temporary, join(folder, 'wrapper.json'));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
}

function run(): void {
  if (existsSync(join(folder, 'stop.json'))) {
    finish(null, null, 'it was stopped before it started');
    return;
  }
  const { argv, env, cwd, logPath } = JSON.parse(
    readFileSync(join(folder, 'process.json'), 'utf8'),
  ) as { argv: string[]; env: Record<string, string>; cwd: string; logPath: string };
  const log = openSync(logPath, 'a');
  const child = spawn(argv[0] ?? '', argv.slice(1), {
    cwd,
    env,
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  const { pid } = child;
  child.on('error', (error) => {
    if (pid === undefined) finish(null, null, error.message);
  });
  if (pid === undefined) return;
  // Until the exit event below, nobody has reaped the child, so its entry in /proc is there.
  const identity = identify(pid) ?? { pid, startTicks: '', bootId: '' };
  const startedAt = new Date().toISOString();
  child.on('exit', (code, signal) => {
    endGroup(pid);
    finish(code, signal, null);
  });
  write('child.json', { identity, startedAt }, WRITE_TRIES_MAX);
}

/** What the program left in its process group ends with it. */
function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nothing was left.
  }
}

function finish(code: number | null, signal: string | null, error: string | null): void {
  write('exit.json', { code, signal, endedAt: new Date().toISOString(), error }, WRITE_TRIES_MAX);
}

function write(name: string, value: unknown, triesLeft: number): void {
  try {
    renameSync(writeTemporary(name, value), join(folder, name));
  } catch (error) {
    if (triesLeft <= 0) throw error;
    setTimeout(() => write(name, value, triesLeft - 1), WRITE_RETRY_MS);
  }
}

function writeTemporary(name: string, value: unknown): string {
  const path = join(folder, `.${name}-${process.pid}`);
  const file = openSync(path, 'w', 0o644);
  try {
    writeFileSync(file, JSON.stringify(value));
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  return path;
}
