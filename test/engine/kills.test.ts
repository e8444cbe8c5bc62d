/**
 * kill -9 of real worker processes at every boundary of their activities, and of the real server at
 * random points, with many lives in flight. The outside is one simulated world in this process,
 * whose journal is the witness that nothing happened twice.
 *
 * `ORRERY_SOAK=1` takes every boundary several times; `ORRERY_SEED` repeats a run.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { serveWorld } from '../../backends/sim/remote.ts';
import { createWorld } from '../../backends/sim/world.ts';
import type { LifecycleResult } from '../../core/lifecycle/state.ts';
import { generateApproverKey, generateSignerKey } from '../../kernels/evidence/keys.ts';
import { seededRandom } from '../../kernels/statistics/random.ts';
import { workflowBundle } from '../../workers/bundle.ts';
import { setCurrentVersion } from '../../workers/deployment.ts';
import { startEngine } from '../support/engine.ts';
import type { TestEngine } from '../support/engine.ts';
import { startWorker } from '../support/worker-processes.ts';
import type { WorkerProcess } from '../support/worker-processes.ts';
import { armed, boundariesOf } from './kill-plan.ts';
import type { ArmedWorld, Boundary } from './kill-plan.ts';
import { quickRequest, startLife } from './lives.ts';
import type { Life } from './lives.ts';

const SOAK = process.env['ORRERY_SOAK'] === '1';
const SEED = Number(process.env['ORRERY_SEED'] ?? 20261124);
const WORKER_KILLS = SOAK ? 200 : 20;
const SERVER_KILLS = SOAK ? 10 : 2;
const LIVES_IN_FLIGHT = 8;
/** A boundary that no life in flight reaches within this is passed over, and said. */
const REACH_MS_MAX = 15_000;

const approver = generateApproverKey();
const draw = seededRandom(SEED);
const random = () => draw() / 2 ** 32;
const folder = mkdtempSync(join(tmpdir(), 'orrery-kills-'));
const closers: (() => Promise<unknown>)[] = [];

interface Stage {
  readonly engine: TestEngine;
  readonly world: ArmedWorld;
  readonly orchestrate: WorkerProcess;
  readonly activities: WorkerProcess;
}

async function stage(name: string): Promise<Stage> {
  const home = join(folder, name);
  mkdirSync(join(home, 'run'), { recursive: true });
  const world = armed(
    createWorld({
      seed: 7,
      approvers: [{ name: 'grace', publicKey: approver.publicKey }],
      signerKey: generateSignerKey(),
      files: { table: { rows: 500, label: 'label' } },
    }),
  );
  const socket = join(home, 'world.sock');
  const served = await serveWorld(world, socket);
  closers.push(() => served.close());
  writeFileSync(join(home, 'settings.json'), JSON.stringify({ backends: { sim: { socket } } }));
  const engine = await startEngine();
  closers.push(() => engine.close());
  const { buildId } = await workflowBundle(home);
  const orchestrate = startWorker(['orchestrate'], { home, address: engine.address });
  const activities = startWorker(['control', 'watch', 'kernels'], {
    home,
    address: engine.address,
  });
  closers.push(
    () => orchestrate.kill(),
    () => activities.kill(),
  );
  await setCurrentVersion(engine.client, 'default', buildId);
  return { engine, world, orchestrate, activities };
}

/** What must be the same however often something died on the way. */
function essence({ outcome, rollouts }: LifecycleResult) {
  return {
    outcome,
    rollouts: rollouts.map(({ region, champion, weightPercent }) => ({
      region,
      champion,
      weightPercent,
    })),
  };
}

/** Two versions of a model one after the other: a first release and a canary. */
async function lead(engine: TestEngine, model: string): Promise<Life[]> {
  const lives: Life[] = [];
  for (const version of ['v1', 'v2']) {
    const life = await startLifeAnyway(engine, model, version);
    lives.push(life);
    await life.end;
  }
  return lives;
}

/** Starting is idempotent by its id, so it is simply tried again while the server is away. */
async function startLifeAnyway(engine: TestEngine, model: string, version: string): Promise<Life> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startLife(engine.client, quickRequest(model, version), approver.privateKey);
    } catch (error) {
      if (attempt >= 50) throw error;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

async function killAt(
  boundary: Boundary,
  { world, orchestrate, activities }: Stage,
): Promise<boolean> {
  const reached = world.reached(boundary).then(() => true);
  let timer: NodeJS.Timeout | undefined;
  const missed = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), REACH_MS_MAX);
  });
  const hit = await Promise.race([reached, missed]);
  clearTimeout(timer);
  const both = random() < 0.5;
  await Promise.all([activities.kill(), ...(both ? [orchestrate.kill()] : [])]);
  activities.restart();
  if (both) orchestrate.restart();
  return hit;
}

function expectNothingTwice(world: ArmedWorld, lives: number): void {
  const started = world.journal.of('job.started').map(({ key }) => key);
  expect(new Set(started).size).toBe(started.length);
  // A first release prepares, trains and scores; a later one also scores the champion again.
  expect(started.length).toBe((lives / 2) * (3 + 4));
  const endpoints = world.journal.of('endpoint.started').map(({ key }) => key);
  expect(new Set(endpoints).size).toBe(endpoints.length);
}

let reference: ReturnType<typeof essence>[];

beforeAll(async () => {
  const quiet = await stage('quiet');
  const lives = await lead(quiet.engine, 'quiet');
  reference = await Promise.all(lives.map(async ({ end }) => essence(await end)));
  expectNothingTwice(quiet.world, lives.length);
}, 120_000);

afterAll(async () => {
  for (const close of closers.reverse()) await close();
  rmSync(folder, { recursive: true, force: true });
});

test(
  `lives end as an undisturbed one does, with nothing done twice, through ${WORKER_KILLS} kills of workers and ${SERVER_KILLS} of the server`,
  async () => {
    const arena = await stage('arena');
    const all: Promise<Life[]>[] = [];
    let killing = true;
    let models = 0;
    const lane = async () => {
      while (killing) {
        models += 1;
        const lives = lead(arena.engine, `m${models}`);
        all.push(lives);
        await lives;
      }
    };
    const lanes = Array.from({ length: LIVES_IN_FLIGHT }, lane);
    const killer = killsOf(arena).finally(() => {
      killing = false;
    });
    const [{ hits, misses }] = await Promise.all([killer, ...lanes]);
    const pairs = await Promise.all(all);
    for (const pair of pairs) {
      expect(await Promise.all(pair.map(async ({ end }) => essence(await end)))).toEqual(reference);
    }
    expectNothingTwice(arena.world, 2 * pairs.length);
    process.stdout.write(
      `seed ${SEED}: ${hits} kills at boundaries, ${misses} elsewhere, ${SERVER_KILLS} of the server; ${2 * pairs.length} lives ended alike\n`,
    );
    expect(hits).toBeGreaterThanOrEqual(Math.ceil(WORKER_KILLS * 0.8));
  },
  SOAK ? 3_600_000 : 300_000,
);

async function killsOf(arena: Stage): Promise<{ hits: number; misses: number }> {
  // The first lives show which calls there are; each boundary then has its turn, in seeded order.
  const deadline = Date.now() + REACH_MS_MAX;
  while (!arena.world.calls.has('serving.undeploy') && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  let hits = 0;
  let queue: Boundary[] = [];
  const serverKillEvery = Math.floor(WORKER_KILLS / SERVER_KILLS);
  for (let kill = 1; kill <= WORKER_KILLS; kill += 1) {
    if (queue.length === 0) queue = shuffled(boundariesOf(arena.world.calls));
    const boundary = queue.pop() as Boundary;
    const hit = await killAt(boundary, arena);
    if (hit) hits += 1;
    if (process.env['ORRERY_TELL'] === '1') {
      process.stdout.write(
        `kill ${kill}: ${boundary.call} ${boundary.moment} ${hit ? 'hit' : 'missed'} ${new Date().toISOString()}\n`,
      );
    }
    if (kill % serverKillEvery === 0) await arena.engine.killAndRestart();
  }
  return { hits, misses: WORKER_KILLS - hits };
}

function shuffled<Item>(items: Item[]): Item[] {
  const copy = [...items];
  for (let index = copy.length - 1; index > 0; index -= 1) {
    const other = Math.floor(random() * (index + 1));
    [copy[index], copy[other]] = [copy[other] as Item, copy[index] as Item];
  }
  return copy;
}
