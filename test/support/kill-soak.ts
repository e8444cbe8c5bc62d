/**
 * kill -9 of real worker processes with many far-side jobs in flight, on the real engine and a real
 * counterpart. The witness is the far side's own account: one job a key, none that runs on.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { WorkflowExecutionDescription, WorkflowHandle } from '@temporalio/client';
import { WorkflowFailedError } from '@temporalio/client';

import { seededRandom } from '../../kernels/statistics/random.ts';
import { workflowBundle } from '../../workers/bundle.ts';
import { setCurrentVersion } from '../../workers/deployment.ts';
import { startEngine, type TestEngine } from './engine.ts';
import { startRun, type Soak } from './soak-runs.ts';
import { until } from './until.ts';
import { startWorker, type WorkerProcess } from './worker-processes.ts';

export interface KillPlan {
  readonly seed: number;
  readonly kills: number;
  readonly inFlight: number;
  /** Share of the runs that are cancelled while they run, 0–1. */
  readonly cancelShare: number;
}

export interface KillReport {
  readonly kills: number;
  readonly runs: number;
  readonly cancelled: number;
  /** Activity type → how many of it were under way when their worker was killed. */
  readonly crashes: Readonly<Record<string, number>>;
  readonly remoteJobs: number;
  /** Keys under which the far side has more than one. */
  readonly duplicates: readonly string[];
  /** Live though every run has ended. */
  readonly orphans: readonly string[];
  /** Runs that ended in another way than they must. */
  readonly strange: readonly string[];
}

/** What a run asks before it has anything on the far side. */
const BEFORE_WORK = ['admit', 'quotePrice'];
/** Longest pause of running work before a kill. */
const PAUSE_MS_MAX = 1500;
const AT_WORK_MS_MAX = 30_000;
const END_MS_MAX = 300_000;

interface Run {
  readonly handle: WorkflowHandle;
  cancelAsked: boolean;
  ended: boolean;
  readonly end: Promise<string>;
}

export async function killWorkers(soak: Soak, plan: KillPlan): Promise<KillReport> {
  const home = mkdtempSync(join(tmpdir(), 'orrery-soak-'));
  mkdirSync(join(home, 'run'));
  const backends = { [soak.backend]: soak.settings, sim: { world: {} } };
  writeFileSync(join(home, 'settings.json'), JSON.stringify({ backends }), { mode: 0o600 });
  const engine = await startEngine();
  const workers: WorkerProcess[] = [];
  try {
    const { buildId } = await workflowBundle(home);
    const where = { home, address: engine.address, env: soak.env ?? {} };
    workers.push(startWorker(['orchestrate'], where), startWorker(['control', 'watch'], where));
    await setCurrentVersion(engine.client, 'default', buildId);
    return await new Killing(soak, plan, engine, workers).run();
  } finally {
    for (const worker of workers) await worker.kill();
    await engine.close();
    rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  }
}

class Killing {
  readonly #soak: Soak;
  readonly #plan: KillPlan;
  readonly #engine: TestEngine;
  readonly #workers: readonly WorkerProcess[];
  readonly #runs: Run[] = [];
  readonly #crashes: Record<string, number> = {};
  readonly #random: () => number;
  #restartedAt = 0;

  constructor(soak: Soak, plan: KillPlan, engine: TestEngine, workers: readonly WorkerProcess[]) {
    this.#soak = soak;
    this.#plan = plan;
    this.#engine = engine;
    this.#workers = workers;
    const draw = seededRandom(plan.seed);
    this.#random = () => draw() / 2 ** 32;
  }

  async run(): Promise<KillReport> {
    for (let kill = 1; kill <= this.#plan.kills; kill += 1) {
      if (this.#open.length === 0) await this.#refill();
      await this.#atWork();
      await pause(this.#random() * PAUSE_MS_MAX);
      // New runs come last, so that kills meet their starts.
      await this.#refill();
      await pause(this.#random() * 400);
      // Half of the kills meet fresh orders to stop.
      if (this.#random() < 0.5) await this.#cancelSome();
      await pause(this.#random() * 100);
      await this.#kill();
    }
    const ends = await this.#ends();
    return this.#report(ends);
  }

  get #open(): readonly Run[] {
    return this.#runs.filter((run) => !run.ended);
  }

  async #refill(): Promise<void> {
    const missing = this.#plan.inFlight - this.#open.length;
    await Promise.all(Array.from({ length: missing }, () => this.#submit()));
  }

  async #submit(): Promise<void> {
    const nth = this.#runs.length + 1;
    const run: Partial<Run> & { cancelAsked: boolean; ended: boolean } = {
      cancelAsked: false,
      ended: false,
    };
    this.#runs.push(run as Run);
    const handle = await startRun(this.#engine.client, this.#soak, this.#plan.seed, nth);
    const end = handle.result().then(
      () => 'succeeded',
      (error: unknown) => endOf(error),
    );
    void end.then(() => (run.ended = true));
    Object.assign(run, { handle, end });
  }

  /**
   * Waits until the worker that came after the last kill has its hands full again. One that stays
   * idle for long is said and killed all the same: runs that hang show at the end.
   */
  async #atWork(): Promise<void> {
    let seen: readonly string[] = [];
    await until(
      'half of the runs have an activity under way',
      async () => {
        const under = await Promise.all(this.#open.map((run) => run.handle.describe()));
        const states = under.map(({ raw }) => workOf(raw.pendingActivities, this.#restartedAt));
        seen = states;
        const busy = states.filter((state) => state === 'at work');
        return busy.length * 2 >= this.#open.length ? true : null;
      },
      AT_WORK_MS_MAX,
    ).catch(() => process.stdout.write(`kills go on; the runs: ${seen.join(', ')}\n`));
  }

  async #cancelSome(): Promise<void> {
    const { cancelShare, inFlight } = this.#plan;
    const candidates = this.#open.filter((run) => !run.cancelAsked);
    const count = Math.ceil(cancelShare * inFlight * this.#random());
    for (const run of candidates.slice(0, count)) {
      run.cancelAsked = true;
      await run.handle.cancel().catch(() => undefined);
    }
  }

  async #kill(): Promise<void> {
    const under = await Promise.all(this.#open.map((run) => run.handle.describe()));
    const [orchestrate, activities] = this.#workers;
    const both = this.#random() < 0.3;
    await Promise.all([activities?.kill(), ...(both ? [orchestrate?.kill()] : [])]);
    for (const { raw } of under) {
      for (const { state, activityType } of raw.pendingActivities ?? []) {
        // PENDING_ACTIVITY_STATE_STARTED or …_CANCEL_REQUESTED.
        if (state !== 2 && state !== 3) continue;
        const name = activityType?.name ?? 'unknown';
        this.#crashes[name] = (this.#crashes[name] ?? 0) + 1;
      }
    }
    this.#restartedAt = Date.now();
    activities?.restart();
    if (both) orchestrate?.restart();
  }

  async #ends(): Promise<readonly string[]> {
    const all = Promise.all(this.#runs.map(({ end }) => end));
    const open = () => this.#open.map(({ handle }) => handle.workflowId).join(', ');
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`Runs stay open after ${END_MS_MAX} ms: ${open()}`)),
        END_MS_MAX,
      );
    });
    return Promise.race([all, late]).finally(() => clearTimeout(timer));
  }

  async #report(ends: readonly string[]): Promise<KillReport> {
    const ids = new Set(this.#runs.map(({ handle }) => handle.workflowId));
    const ours = async () =>
      (await this.#soak.ledger()).filter(({ workflowId }) => ids.has(workflowId));
    // A far side may tell an end a little later than the run that read it by another way.
    const ledger = await until('the far side has nothing live', async () => {
      const work = await ours();
      return work.some(({ live }) => live) ? null : work;
    }).catch(ours);
    const counts = new Map<string, number>();
    for (const { key } of ledger) counts.set(key, (counts.get(key) ?? 0) + 1);
    return {
      kills: this.#plan.kills,
      runs: this.#runs.length,
      cancelled: ends.filter((end) => end === 'cancelled').length,
      crashes: this.#crashes,
      remoteJobs: ledger.length,
      duplicates: [...counts].filter(([, count]) => count > 1).map(([key]) => key),
      orphans: ledger.filter(({ live }) => live).map(({ key }) => key),
      strange: this.#runs.flatMap(({ cancelAsked, handle }, at) => {
        const wanted = cancelAsked ? ['cancelled', 'succeeded'] : ['succeeded'];
        const end = ends[at] ?? 'open';
        return wanted.includes(end) ? [] : [`${handle.workflowId}: ${end}`];
      }),
    };
  }
}

type Pending = NonNullable<WorkflowExecutionDescription['raw']['pendingActivities']>[number];

/** Whether a run has far-side work under way in a worker that lives, or what it has instead. */
function workOf(pending: readonly Pending[] | null | undefined, since: number): string {
  const told = (pending ?? []).map(({ state, lastStartedTime, activityType, attempt }) => {
    const name = activityType?.name ?? 'unknown';
    const startedAt = Number(lastStartedTime?.seconds ?? 0) * 1000;
    const lives = state !== 1 && startedAt >= since - 1000;
    if (lives && !BEFORE_WORK.includes(name)) return 'at work';
    return `${name} attempt ${attempt} ${lives ? 'runs' : 'waits'}`;
  });
  if (told.includes('at work')) return 'at work';
  return told.join(' and ') || 'no activity';
}

function endOf(error: unknown): string {
  if (!(error instanceof WorkflowFailedError)) return `told nothing: ${String(error)}`;
  const causes: string[] = [];
  for (
    let cause: Error | undefined = error.cause;
    cause;
    cause = cause.cause as Error | undefined
  ) {
    if (cause.name === 'CancelledFailure') return 'cancelled';
    causes.push(cause.message);
  }
  return `failed: ${causes.join(' ← ')}`;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
