/**
 * The host agent: one small long-lived process per home, which owns every job, scoring server and
 * proxy of this machine, so that workers can come and go. `node main.ts --home <path>`.
 *
 * SIGTERM ends the agent alone and leaves what it owns running, so that it can be upgraded; the
 * next agent adopts it. The call `shutdown` ends everything. Killing it loses nothing either.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { sweepIncoming } from '../content-store.ts';
import { connectAgent } from './client.ts';
import { Jobs } from './jobs.ts';
import { sweepHalfMade } from './job-folder.ts';
import { tryLock } from './lock.ts';
import { PROTOCOL_VERSION, socketPath } from './protocol.ts';
import { createAgentServer } from './server.ts';
import { Services } from './services.ts';

/** The owner alone may talk to the agent, since it runs programs. */
const OWNER_ONLY = 0o177;
/** An agent that was told to end holds the lock for a moment after it stopped answering, milliseconds. */
const LOCK_MS_MAX = 5000;
const LOCK_LOOK_MS = 50;

const { values } = parseArgs({ options: { home: { type: 'string' } } });
if (values.home === undefined) throw new Error('Cannot start the host agent: --home is missing');
await main(values.home);

async function main(home: string): Promise<void> {
  const socket = socketPath(home);
  mkdirSync(home, { recursive: true });
  const unlock = await lockOf(home);
  if (unlock === null) {
    say(`another agent holds ${home}`);
    return;
  }
  const jobs = new Jobs(home);
  const services = new Services(home);
  await sweepHalfMade(home);
  await sweepIncoming(home, Date.now());
  await jobs.adoptAll();
  const server = createAgentServer({
    jobs,
    services,
    health: { pid: process.pid, startedAt: new Date().toISOString(), version: PROTOCOL_VERSION },
    async shutdown() {
      await Promise.all([jobs.stopAll(), services.stopAll()]);
      // The answer to this call goes out before the process ends.
      setImmediate(end, 'everything is stopped');
    },
  });
  function end(reason: string): void {
    say(reason);
    jobs.close();
    server.close(() => {
      unlock?.();
      process.exit(0);
    });
    // Readings that wait are answered by `jobs.close`; whoever else is connected tries again.
    setTimeout(() => server.closeAllConnections(), 100).unref();
  }
  process.on('SIGTERM', () => end('ended by SIGTERM; what runs goes on'));
  process.on('SIGINT', () => end('ended by SIGINT; what runs goes on'));
  // The lock is ours, so a socket file that is there is a dead agent's.
  rmSync(socket, { force: true });
  // The file is made within the call; programs that are started later must not get this mask.
  const umask = process.umask(OWNER_ONLY);
  server.listen(socket, () => {
    say(`listens on ${socket}, protocol ${PROTOCOL_VERSION}, ${jobs.list().length} jobs adopted`);
  });
  process.umask(umask);
}

/** Waits for the lock as long as its holder does not answer, which it does not while it ends. */
async function lockOf(home: string): Promise<(() => void) | null> {
  const giveUpAt = performance.now() + LOCK_MS_MAX;
  for (;;) {
    const unlock = tryLock(join(home, 'agent.lock'));
    if (unlock !== null || performance.now() >= giveUpAt) return unlock;
    const answers = await connectAgent(home)
      .health()
      .then(
        () => true,
        () => false,
      );
    if (answers) return null;
    await sleep(LOCK_LOOK_MS);
  }
}

function say(text: string): void {
  console.log(`${new Date().toISOString()} host agent ${process.pid} ${text}`);
}
