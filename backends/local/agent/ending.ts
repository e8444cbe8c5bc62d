import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive } from './identity.ts';
import type { ProcessIdentity } from './identity.ts';

/** How often to look whether a process is gone, milliseconds. */
const LOOK_MS = 10;
/** A process that survives SIGKILL for so long hangs in the kernel, milliseconds. */
const KILL_MS_MAX = 30_000;

/** Sends a signal to the process, or to its group, if it is still the same one. */
export function signalProcess(
  identity: ProcessIdentity,
  signal: NodeJS.Signals,
  whole: 'process' | 'group',
): boolean {
  if (!isAlive(identity)) return false;
  try {
    process.kill(whole === 'group' ? -identity.pid : identity.pid, signal);
    return true;
  } catch {
    return false;
  }
}

/**
 * SIGTERM to the group, SIGKILL after the grace or once the leader is gone, and returns when the
 * leader is gone. A process that is gone already is left alone: its id may be somebody else's.
 *
 * @throws Error when it survives SIGKILL for 30 s
 */
export async function endGroup(identity: ProcessIdentity, graceSeconds: number): Promise<void> {
  if (!signalProcess(identity, 'SIGTERM', 'group')) return;
  await waitUntil(() => !isAlive(identity), graceSeconds * 1000);
  try {
    process.kill(-identity.pid, 'SIGKILL');
  } catch {
    // The whole group is gone.
  }
  if (!(await waitUntil(() => !isAlive(identity), KILL_MS_MAX))) {
    throw new Error(`process ${identity.pid} survives SIGKILL`);
  }
}

/** SIGKILL to each, for what a program left behind. */
export function endProcesses(identities: readonly ProcessIdentity[]): void {
  for (const identity of identities) {
    try {
      if (isAlive(identity)) process.kill(identity.pid, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }
}

/** Looks until the condition holds, and answers whether it did within the limit. */
export async function waitUntil(holds: () => boolean, msMax: number): Promise<boolean> {
  const giveUpAt = performance.now() + msMax;
  while (!holds()) {
    if (performance.now() >= giveUpAt) return false;
    await sleep(LOOK_MS);
  }
  return true;
}
