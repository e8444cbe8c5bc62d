import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { identify, isAlive } from '../../../backends/local/agent/identity.ts';
import type { ProcessIdentity } from '../../../backends/local/agent/identity.ts';
import { until } from '../../support/until.ts';

const END_MS_MAX = 15_000;

/** A server that outlives its starter, at the head of a process group of its own. */
export interface Started {
  readonly name: string;
  readonly identity: ProcessIdentity;
  readonly log: string;
}

export function startServer(
  name: string,
  program: string,
  words: readonly string[],
  { log, env = {} }: { readonly log: string; readonly env?: Readonly<Record<string, string>> },
): Started {
  const output = openSync(log, 'a');
  const child = spawn(program, words, {
    detached: true,
    stdio: ['ignore', output, output],
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
  });
  closeSync(output);
  const identity = child.pid === undefined ? null : identify(child.pid);
  if (identity === null) throw new Error(`Cannot start ${name}: read ${log}`);
  child.unref();
  return { name, identity, log };
}

export function lives({ identity }: Started): boolean {
  return isAlive(identity);
}

/** SIGTERM, and SIGKILL for what does not end by itself. */
export async function endServer(server: Started): Promise<void> {
  if (!lives(server)) return;
  process.kill(-server.identity.pid, 'SIGTERM');
  const gone = () => Promise.resolve(lives(server) ? null : true);
  await until(`${server.name} ends`, gone, END_MS_MAX).catch(() => undefined);
  if (lives(server)) process.kill(-server.identity.pid, 'SIGKILL');
}

/** Ports of loopback that were free a moment ago. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
