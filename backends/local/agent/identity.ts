/**
 * Who a process is. A process id alone is reused; together with the start time in clock ticks since
 * boot (field 22 of /proc/<pid>/stat, proc_pid_stat(5)) and the boot's id it names one process for ever.
 * Imports next to nothing, because the wrapper of every job loads it.
 */
import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessIdentity {
  readonly pid: number;
  readonly startTicks: string;
  readonly bootId: string;
}

/** Positions counted from field 3, the first after the parenthesised program name. */
const STATE_FIELD = 3 - 3;
const START_FIELD = 22 - 3;

/** The identity of a live process; null when there is none, or only its unreaped remains. */
export function identify(pid: number): ProcessIdentity | null {
  const fields = statFields(pid);
  const startTicks = fields?.[START_FIELD];
  const state = fields?.[STATE_FIELD];
  if (startTicks === undefined || state === 'Z' || state === 'X') return null;
  return { pid, startTicks, bootId: bootId() };
}

export function isAlive(identity: ProcessIdentity): boolean {
  const found = identify(identity.pid);
  return found?.startTicks === identity.startTicks && found.bootId === identity.bootId;
}

/**
 * Processes that carry this variable in the environment that they were started with, so also those
 * that left their process group. Processes of other users cannot be read and are left out.
 */
export function processesWith(variable: string, value: string): readonly ProcessIdentity[] {
  const wanted = `${variable}=${value}`;
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => environmentOf(pid).includes(wanted))
    .map((pid) => identify(Number(pid)))
    .filter((identity) => identity !== null);
}

function environmentOf(pid: string): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

function statFields(pid: number): readonly string[] | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The program name may hold spaces and parentheses; the last parenthesis ends it.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return null;
  }
}

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}
