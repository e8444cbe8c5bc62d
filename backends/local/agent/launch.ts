import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { extname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { OrreryError } from '../../../core/errors.ts';
import { connectAgent } from './client.ts';
import type { AgentClient } from './client.ts';
import { waitUntil } from './ending.ts';
import { environmentWith } from './process-folder.ts';
import { PROTOCOL_VERSION, socketPath } from './protocol.ts';
import type { AgentHealth } from './protocol.ts';

/** How long a new agent may take until it answers, milliseconds. */
const START_MS_MAX = 20_000;
const LOOK_MS = 25;

export interface LaunchOptions {
  /** ORRERY_HOME, absolute. */
  readonly home: string;
}

/**
 * The agent of this home, started when nobody answers, and replaced when it speaks another version
 * of the protocol; what it runs goes on either way. Safe to call from many processes at once: of
 * several agents that start, the one that gets the lock stays.
 *
 * @throws OrreryError HOST_AGENT_DOWN when none answers within 20 s, SETTINGS_INVALID
 */
export async function ensureAgent({ home }: LaunchOptions): Promise<AgentClient> {
  socketPath(home);
  const agent = connectAgent(home);
  const found = await healthOf(agent);
  if (found?.version === PROTOCOL_VERSION) return agent;
  if (found !== null) await endAgent(agent, found);
  const launched = launch(home);
  const answering = await answerWithin(agent, home);
  // Of agents that were started at once, those without the lock end by themselves.
  if (answering.pid !== launched.pid) await hasEnded(launched);
  return agent;
}

async function answerWithin(agent: AgentClient, home: string): Promise<AgentHealth> {
  const giveUpAt = performance.now() + START_MS_MAX;
  for (;;) {
    const health = await healthOf(agent);
    if (health?.version === PROTOCOL_VERSION) return health;
    if (performance.now() >= giveUpAt) {
      throw new OrreryError(
        'HOST_AGENT_DOWN',
        `Cannot start the host agent of "${home}": it does not answer after ${START_MS_MAX} ms, wanted an answer; see ${agentLogPath(home)}`,
      );
    }
    await sleep(LOOK_MS);
  }
}

async function hasEnded(launched: ChildProcess): Promise<void> {
  await waitUntil(() => launched.exitCode !== null || launched.signalCode !== null, START_MS_MAX);
}

export function agentLogPath(home: string): string {
  return join(home, 'logs', 'host-agent.log');
}

async function healthOf(agent: AgentClient): Promise<AgentHealth | null> {
  try {
    return await agent.health();
  } catch (error) {
    if (error instanceof OrreryError && error.code === 'HOST_AGENT_DOWN') return null;
    throw error;
  }
}

async function endAgent(agent: AgentClient, { pid }: AgentHealth): Promise<void> {
  process.kill(pid, 'SIGTERM');
  const giveUpAt = performance.now() + START_MS_MAX;
  while ((await healthOf(agent))?.pid === pid && performance.now() < giveUpAt) await sleep(LOOK_MS);
}

/** In a session of its own, so that ending the terminal or `up` does not end it. */
function launch(home: string): ChildProcess {
  mkdirSync(join(home, 'logs'), { recursive: true });
  const here = fileURLToPath(import.meta.url);
  const main = join(here, '..', `main${extname(here)}`);
  const log = openSync(agentLogPath(home), 'a');
  try {
    // node:sqlite, which only holds the lock, announces that it is experimental at each start.
    const flags = ['--disable-warning=ExperimentalWarning'];
    const launched = spawn(process.execPath, [...flags, main, '--home', home], {
      cwd: home,
      env: environmentWith({ NODE_COMPILE_CACHE: join(home, 'cache', 'node') }),
      detached: true,
      stdio: ['ignore', log, log],
    });
    launched.unref();
    return launched;
  } finally {
    closeSync(log);
  }
}
