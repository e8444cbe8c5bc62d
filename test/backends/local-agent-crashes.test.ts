import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ensureAgent } from '../../backends/local/agent/launch.ts';
import { OrreryError } from '../../core/errors.ts';
import type { JobReading } from '../../core/ports/compute.ts';
import { aHome, endedReading, intentOf, isRunning, sh, until } from '../support/local-home.ts';
import type { Home } from '../support/local-home.ts';

const JOBS = 24;
const JOBS_MS_MAX = 45_000;
/** Spreads the kills over the life of the jobs: starting, running, settling. */
const KILL_AFTER_MS = [0, 30, 10, 60, 5, 90, 20, 45];

/** Real processes are slow on a loaded machine. */
jest.setTimeout(60_000);

let home: Home;
beforeAll(async () => {
  home = await aHome();
});
afterAll(() => home.close());

it('an agent killed again and again runs every job once and loses none', async () => {
  const keys = Array.from({ length: JOBS }, (_, index) => `jcrash${index}`);
  const ends = Promise.all(keys.map(runThroughCrashes));
  for (const afterMs of KILL_AFTER_MS) {
    const agent = await ensureAgent({ home: home.path });
    await sleep(afterMs);
    const { pid } = await agent.health();
    process.kill(pid, 'SIGKILL');
    await until(() => !isRunning(pid));
  }
  await ensureAgent({ home: home.path });
  await home.write('go', '');
  const readings = await ends;
  expect(readings.map(({ phase }) => phase)).toEqual(keys.map(() => 'succeeded'));
  const runs = readFileSync(join(home.path, 'runs'), 'utf8').trim().split('\n');
  expect(runs.toSorted()).toEqual(keys.toSorted());
});

/**
 * A caller as an activity is one: it tries again as long as the agent is down. Every second job
 * ends during the kills, the others after them.
 */
async function runThroughCrashes(key: string, index: number): Promise<JobReading> {
  const pause =
    index % 2 === 0 ? 'sleep 0.3' : `while [ ! -e ${join(home.path, 'go')} ]; do sleep 0.05; done`;
  const script = `echo ${key} >> ${join(home.path, 'runs')}; ${pause}; echo o > "$ORRERY_OUTPUT_DIR/o"`;
  let reading: JobReading | null = null;
  await until(async () => {
    try {
      await home.agent.startJob(intentOf(key, { outputs: ['o'] }), sh(script));
      reading = await endedReading(home.agent, key);
      return true;
    } catch (error) {
      if (error instanceof OrreryError && error.code === 'HOST_AGENT_DOWN') return false;
      throw error;
    }
  }, JOBS_MS_MAX);
  return reading!;
}
