import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { OrreryError } from '../core/errors.ts';
import { devServerArguments } from '../workers/dev-server.ts';
import { freePort } from '../workers/ports.ts';

const READY_MS_MAX = 20_000;
const STOP_MS_MAX = 5_000;

export interface DevServer {
  /** `host:port` of the frontend. */
  readonly address: string;
  stop(): Promise<void>;
}

/** `ORRERY_TEST_TEMPORAL`, or the binary of the virtual environment under `ORRERY_HOME`. */
function temporalBinary(): string {
  const { ORRERY_TEST_TEMPORAL, ORRERY_HOME } = process.env;
  if (ORRERY_TEST_TEMPORAL) return ORRERY_TEST_TEMPORAL;
  if (ORRERY_HOME) return join(ORRERY_HOME, 'venv', 'bin', 'temporal');
  throw new OrreryError(
    'SETTINGS_INVALID',
    'Cannot start a dev server: neither ORRERY_TEST_TEMPORAL nor ORRERY_HOME is set, wanted one of them',
  );
}

/** Starts the development server of `up` with a fresh database, on a free loopback port. */
export async function startDevServer(): Promise<DevServer> {
  const program = temporalBinary();
  const folder = await mkdtemp(join(tmpdir(), 'orrery-bench-'));
  const port = await freePort();
  const child = spawn(
    program,
    devServerArguments({ database: join(folder, 'temporal.db'), port, uiPort: null }),
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const address = `127.0.0.1:${port}`;
  const stop = async () => {
    await endProcess(child);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await Promise.race([whenReady(address), whenFailed(child)]);
    return { address, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** SIGTERM, and SIGKILL when that does not help within a few seconds. */
export async function endProcess(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const killer = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
  await gone;
  clearTimeout(killer);
}

async function whenReady(address: string): Promise<void> {
  const connection = await Connection.connect({ address, connectTimeout: READY_MS_MAX });
  const deadline = Date.now() + READY_MS_MAX;
  try {
    // The frontend answers before the default namespace is registered.
    for (;;) {
      try {
        await connection.workflowService.describeNamespace({ namespace: 'default' });
        return;
      } catch (error) {
        if (Date.now() > deadline) throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  } finally {
    await connection.close();
  }
}

async function whenFailed(child: ChildProcess): Promise<never> {
  const [cause] = await Promise.race([once(child, 'exit'), once(child, 'error')]);
  throw new OrreryError(
    'TOOL_MISSING',
    `Cannot start "${child.spawnfile}": it ended with ${cause}, wanted a running dev server`,
  );
}
