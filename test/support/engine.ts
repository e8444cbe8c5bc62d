import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { devServerArguments } from '../../workers/dev-server.ts';
import { freePort } from '../../workers/ports.ts';
import { temporalProgram } from './tools.ts';
import { until } from './until.ts';

/** A real development server on a file of its own, that can be killed and come back. */
export interface TestEngine {
  readonly address: string;
  readonly client: Client;
  /** kill -9, then the same server on the same file. */
  killAndRestart(): Promise<void>;
  close(): Promise<void>;
}

export async function startEngine(): Promise<TestEngine> {
  const folder = mkdtempSync(join(tmpdir(), 'orrery-engine-'));
  const port = await freePort();
  const metricsPort = await freePort();
  const address = `127.0.0.1:${port}`;
  const database = join(folder, 'temporal.db');
  const flags = [
    ...devServerArguments({ database, port, uiPort: null }),
    '--metrics-port',
    `${metricsPort}`,
  ];
  const start = () => spawn(temporalProgram(), flags, { stdio: 'ignore' });
  let server = start();
  const connection = await until(`the server answers on ${address}`, () =>
    Connection.connect({ address, connectTimeout: 1000 }).catch(() => null),
  );
  return {
    address,
    client: new Client({ connection }),
    async killAndRestart() {
      await killed(server);
      server = start();
      await until(`the server answers again on ${address}`, () =>
        connection.healthService
          .check({})
          .then(() => true)
          .catch(() => null),
      );
    },
    async close() {
      await connection.close();
      await killed(server);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** SIGKILL, and the process is gone when this returns. */
export async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}
