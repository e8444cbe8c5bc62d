/**
 * The one Airflow that all tests of a checkout share: `node running.ts up` starts it unless it runs,
 * `down` ends it. Another checkout on the machine has its own, which this one never ends. A test that
 * finds none starts it too, and the next one finds that.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { cacheKey, cacheRoot } from '../../support/cache.ts';
import { isAlive } from './processes.ts';
import { health, startAirflow, stopAirflow, type AirflowState } from './server.ts';

const STATE = join(cacheRoot(), 'run', `airflow-${cacheKey(import.meta.dirname)}.json`);

/** Attaches to the Airflow that runs, or starts one. */
export async function ensureAirflow(): Promise<AirflowState> {
  const running = await runningAirflow();
  if (running !== null) return running;
  await stopShared();
  const state = await startAirflow();
  mkdirSync(join(cacheRoot(), 'run'), { recursive: true });
  writeFileSync(STATE, JSON.stringify(state), { mode: 0o600 });
  return state;
}

async function runningAirflow(): Promise<AirflowState | null> {
  const state = rememberedState();
  if (state === null || !state.processes.every(isAlive)) return null;
  return (await health(state)) === null ? null : state;
}

function rememberedState(): AirflowState | null {
  return existsSync(STATE) ? (JSON.parse(readFileSync(STATE, 'utf8')) as AirflowState) : null;
}

async function stopShared(): Promise<void> {
  const state = rememberedState();
  if (state !== null) await stopAirflow(state);
  rmSync(STATE, { force: true });
}

if (process.argv[1] === import.meta.filename) {
  if (process.argv[2] === 'down') await stopShared();
  else console.log(`Airflow answers at ${(await ensureAirflow()).url}`);
}
