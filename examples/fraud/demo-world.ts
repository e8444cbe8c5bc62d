/** The demo's own home and what it looks at from outside of the workflows. */
import { existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectAgent } from '../../backends/local/agent/client.ts';
import type { OpenBackend, Ports } from '../../core/backend.ts';
import { routeName } from '../../core/ids.ts';
import type { EvaluationReport } from '../../core/release/evaluation.ts';
import { createBackends } from '../../workers/backends.ts';
import { down } from '../../workers/down.ts';
import { orreryHome } from '../../workers/home.ts';
import { readSettings } from '../../workers/settings.ts';
import { readHeldOutRows } from './held-out-rows.ts';
import { startTraffic } from './traffic.ts';
import type { Traffic } from './traffic.ts';

export const MODEL = 'fraud';
export const REGION = 'eu-west';

/**
 * A home of the demo's own beneath the installation's, empty at each start, so that versions can be
 * called v1, v2, v3 every time. Programs that are installed once are linked into it.
 */
export async function freshHome(): Promise<string> {
  const installation = orreryHome();
  const home = join(installation, 'demo');
  process.env['ORRERY_HOME'] = home;
  await down(() => undefined);
  rmSync(home, { recursive: true, force: true });
  mkdirSync(home, { recursive: true });
  const venv = join(installation, 'venv');
  if (existsSync(venv)) symlinkSync(venv, join(home, 'venv'));
  return home;
}

export async function openLocal(home: string): Promise<OpenBackend & { readonly ports: Ports }> {
  return (await createBackends(readSettings(home)).open('local')) as OpenBackend & { ports: Ports };
}

/** Kills the training process the hard way, as a lost machine would. Its process id. */
export async function killTrainer(home: string): Promise<number> {
  const agent = connectAgent(home);
  for (let look = 0; look < 100; look += 1) {
    const { jobs } = await agent.list();
    const trainer = jobs.find(({ kind, pid }) => kind === 'train' && pid !== null);
    if (trainer?.pid) {
      process.kill(trainer.pid, 'SIGKILL');
      return trainer.pid;
    }
    await sleep(50);
  }
  throw new Error('Cannot kill the trainer: none runs');
}

/** Customers pay at a steady rate, with rows of the held-out set and some new terminals. */
export async function startPayments(
  local: { readonly ports: Ports },
  home: string,
  ratePerSecond: number,
): Promise<Traffic> {
  const first = await local.ports.models.read(MODEL, 'v1');
  const route = await local.ports.traffic.read(routeName({ model: MODEL, region: REGION }));
  if (first === null || route === null) throw new Error('Cannot send traffic: v1 does not serve');
  const text = new TextDecoder().decode(await local.ports.artifacts.read(first.reportRef));
  const { heldOutSha256 } = JSON.parse(text) as EvaluationReport;
  const heldOut = join(home, 'artifacts', 'sha256', heldOutSha256.slice(0, 2), heldOutSha256);
  const rows = await readHeldOutRows(heldOut, 5000);
  return startTraffic({
    url: `${route.address}/v1/${MODEL}/${REGION}/score`,
    ratePerSecond,
    seed: 7,
    rows,
  });
}

/** What Envoy serves now, read from its administration interface. */
export async function liveWeights(local: { readonly ports: Ports }): Promise<string> {
  const route = await local.ports.traffic.read(routeName({ model: MODEL, region: REGION }));
  return route === null
    ? 'no route'
    : route.arms.map((arm) => `${arm.version} ${arm.weightPercent} %`).join(', ');
}

export async function liveWeightOf(
  local: { readonly ports: Ports },
  version: string,
): Promise<number> {
  const route = await local.ports.traffic.read(routeName({ model: MODEL, region: REGION }));
  return route?.arms.find((arm) => arm.version === version)?.weightPercent ?? 0;
}
