import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { OrreryError } from '../../../core/errors.ts';
import { tryLock } from '../agent/lock.ts';

/** Longest wait for others who change the proxy; one change takes well under a second. */
const LOCK_MS_MAX = 30_000;
const RETRY_MS = 15;

/**
 * Runs `change` while no other process or caller changes the proxy of this home.
 *
 * @throws OrreryError PROXY_REFUSED when others hold it for longer than 30 s
 */
export async function withProxyLock<T>(home: string, change: () => Promise<T>): Promise<T> {
  const folder = join(home, 'envoy');
  await mkdir(folder, { recursive: true });
  const release = await acquire(join(folder, 'change.lock'), Date.now() + LOCK_MS_MAX);
  try {
    return await change();
  } finally {
    release();
  }
}

async function acquire(path: string, giveUpAt: number): Promise<() => void> {
  for (;;) {
    const release = tryLock(path);
    if (release !== null) return release;
    if (Date.now() > giveUpAt) {
      throw new OrreryError(
        'PROXY_REFUSED',
        `Cannot change the proxy: another process has been changing it for ${LOCK_MS_MAX / 1000} s, wanted it free`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}
