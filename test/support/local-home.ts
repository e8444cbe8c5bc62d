/** A home of its own with a real host agent, for tests that start real processes. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AgentClient } from '../../backends/local/agent/client.ts';
import { identify } from '../../backends/local/agent/identity.ts';
import { ensureAgent } from '../../backends/local/agent/launch.ts';
import type { JobIntent, JobReading, JobSpec } from '../../core/ports/compute.ts';

const WAIT_MS_MAX = 15_000;
const LOOK_MS = 10;

export interface Home {
  readonly path: string;
  readonly agent: AgentClient;
  write(name: string, text: string): Promise<void>;
  remove(name: string): Promise<void>;
  close(): Promise<void>;
}

export async function aHome(): Promise<Home> {
  const path = await mkdtemp(join(tmpdir(), 'orrery-'));
  const agent = await ensureAgent({ home: path });
  return {
    path,
    agent,
    write: (name, text) => writeFile(join(path, name), text),
    remove: (name) => rm(join(path, name)),
    async close() {
      const { pid } = await (await ensureAgent({ home: path })).health();
      await agent.shutdown();
      await until(() => !isRunning(pid));
      await rm(path, { recursive: true, force: true });
    },
  };
}

export function intentOf(key: string, changes: Partial<JobSpec> = {}): JobIntent {
  const spec: JobSpec = {
    kind: 'train',
    command: ['sh'],
    params: { seed: 7 },
    inputs: {},
    outputs: [],
    checkpointScope: null,
    resources: { cpus: 1, memoryMiB: 64 },
    timeoutSeconds: 60,
    graceSeconds: 1,
    labels: { model: 'fraud', version: 'v1', workflowId: 'lifecycle/fraud/v1' },
    ...changes,
  };
  return { key, specDigest: `digest of ${key}`, spec };
}

export function sh(script: string): readonly string[] {
  return ['sh', '-c', script];
}

export async function endedReading(agent: AgentClient, key: string): Promise<JobReading> {
  let reading = await agent.readJob(key);
  const giveUpAt = performance.now() + WAIT_MS_MAX;
  while (reading.phase === 'pending' || reading.phase === 'running') {
    if (performance.now() > giveUpAt) throw new Error(`${key} is still ${reading.phase}`);
    reading = await agent.readJob(key, { since: reading.revision, waitMs: 1000 });
  }
  return reading;
}

/** Waits for a condition, with a limit. */
export async function until(
  holds: () => boolean | Promise<boolean>,
  msMax = WAIT_MS_MAX,
): Promise<void> {
  const giveUpAt = performance.now() + msMax;
  while (!(await holds())) {
    if (performance.now() > giveUpAt) throw new Error(`it does not become true: ${String(holds)}`);
    await sleep(LOOK_MS);
  }
}

/** Remains that nobody has reaped yet do not count. */
export function isRunning(pid: number): boolean {
  return identify(pid) !== null;
}
