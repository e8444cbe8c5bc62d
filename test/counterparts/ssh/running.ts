/**
 * The one SSH server that all tests of a machine share: `node running.ts up` starts it unless it
 * runs, `down` ends it. A test that finds none starts it too, and the next one finds that.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { cacheRoot } from '../../support/cache.ts';
import { answers, startServer, stopServer } from './server.ts';
import type { SshServer } from './server.ts';

const STATE = join(cacheRoot(), 'run', 'ssh.json');

/** Attaches to the server that runs, or starts one. */
export async function ensureSsh(): Promise<SshServer> {
  const remembered = rememberedState();
  if (remembered !== null && existsSync(remembered.identityFile) && (await answers(remembered))) {
    return remembered;
  }
  stopShared();
  const server = await startServer();
  mkdirSync(dirname(STATE), { recursive: true });
  writeFileSync(STATE, JSON.stringify(server), { mode: 0o600 });
  return server;
}

function rememberedState(): SshServer | null {
  return existsSync(STATE) ? (JSON.parse(readFileSync(STATE, 'utf8')) as SshServer) : null;
}

function stopShared(): void {
  const state = rememberedState();
  if (state !== null) stopServer(state);
  rmSync(STATE, { force: true });
}

if (process.argv[1] === import.meta.filename) {
  if (process.argv[2] === 'down') stopShared();
  else console.log(`SSH server listens on port ${(await ensureSsh()).port}`);
}
