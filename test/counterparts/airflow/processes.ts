import { execFileSync, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';

import { until } from '../../support/until.ts';

/** Time that a group gets to end by itself. */
const GRACE_MS = 15_000;

/** A process that outlives its starter: the pid leads a group, the birth tells it from a later pid. */
export interface Started {
  readonly name: string;
  readonly pid: number;
  readonly born: string;
}

/** Starts a program at the head of a process group of its own, with its output in a file. */
export function startGroup(
  name: string,
  program: string,
  words: readonly string[],
  options: {
    readonly log: string;
    readonly env: NodeJS.ProcessEnv;
    readonly cwd: string;
    readonly user?: { readonly uid: number; readonly gid: number } | undefined;
  },
): Started {
  const log = openSync(options.log, 'a');
  const child = spawn(program, words, {
    detached: true,
    stdio: ['ignore', log, log],
    env: options.env,
    cwd: options.cwd,
    ...options.user,
  });
  closeSync(log);
  if (child.pid === undefined) throw new Error(`Cannot start ${program}`);
  child.unref();
  return { name, pid: child.pid, born: birthOf(child.pid) };
}

/** When the process began, in the words of `ps`; empty when there is none. */
function birthOf(pid: number): string {
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
  } catch {
    return '';
  }
}

export function isAlive({ pid, born }: Started): boolean {
  return born !== '' && birthOf(pid) === born;
}

/** SIGTERM to the whole group, and SIGKILL for what is left of it; a stranger's pid is let be. */
export async function endGroup(
  started: Started,
  signal: NodeJS.Signals = 'SIGTERM',
): Promise<void> {
  if (isAlive(started)) signalGroup(started.pid, signal);
  const gone = async () => (groupLives(started.pid) && isOurs(started) ? null : true);
  await until(`${started.name} ends`, gone, GRACE_MS).catch(() => undefined);
  if (isOurs(started)) signalGroup(started.pid, 'SIGKILL');
}

/** A group keeps its number as long as one of its members lives. */
function isOurs(started: Started): boolean {
  return isAlive(started) || (birthOf(started.pid) === '' && groupLives(started.pid));
}

function groupLives(pid: number): boolean {
  return signalGroup(pid, 0);
}

function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-pid, signal);
    return true;
  } catch {
    return false;
  }
}
