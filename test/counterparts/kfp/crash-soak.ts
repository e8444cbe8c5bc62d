/**
 * Many lives of pipeline runs at once, struck by seeded crashes on either side of the wire, each told
 * to start and to end by callers that retry as activities do. The witness is the ledger of the
 * world: how many workflows were made under a key, and how many of them run.
 */
import { createRandom, type Random } from '../../../backends/sim/random.ts';
import type { KfpApi } from '../../../backends/kubeflow/kfp/api.ts';
import { KfpPipeline } from '../../../backends/kubeflow/pipeline.ts';
import { OrreryError } from '../../../core/errors.ts';
import { isTerminal } from '../../../backends/connections/polling.ts';
import type { PipelineHandle, PipelineStart } from '../../../core/ports/pipeline.ts';
import { startFaultProxy, type FaultProxy, type ProxyFault } from '../../support/fault-proxy.ts';
import { intentOf } from './faulty.ts';
import { openKfp, startKfp } from './open.ts';
import type { KfpServer } from './server/serve.ts';
import type { Point } from './server/world.ts';

export interface CrashPlan {
  readonly seed: number;
  /** Lives go on being started until so many crashes have happened. */
  readonly crashes: number;
  /** Lives at once. */
  readonly atOnce: number;
}

export interface CrashReport {
  readonly lives: number;
  /** Kind → how often. */
  readonly crashes: Readonly<Record<string, number>>;
  readonly total: number;
  /** Keys with more than one workflow, whether it runs or not. */
  readonly duplicates: readonly string[];
  /** Keys with a workflow that runs though its life has ended. */
  readonly orphans: readonly string[];
  /** Lives that ended in another way than they must. */
  readonly strange: readonly string[];
  /** Marks on creates that nobody is about. */
  readonly marksLeft: number;
  readonly recurringRuns: number;
  readonly violations: readonly string[];
}

/** Shorter than the far side may take when it is slow, so that a success comes after the limit. */
const REQUEST_SECONDS_MAX = 1;
const SLOW_MS_MAX = 1500;
/** Longer than that: see kfp/marks.ts. */
const SETTLE_SECONDS = 3;
const FAULT_SHARE = 0.08;
const STRIKE_SHARE = 0.3;
const KILL_SHARE = 0.25;
const KILL_MS_MAX = 60;
/** Of the workers of one life, so that other crashes have their share. */
const KILLS_MAX = 3;
const REPEAT_SHARE = 0.1;
const CANCEL_SHARE = 0.5;
const TRIES_MAX = 150;
const PAUSE_MS = 50;
const FAULTS: readonly (readonly [string, ProxyFault])[] = [
  ['reset before it was sent on', { kind: 'reset-before' }],
  ['reset before the reply', { kind: 'reset-after' }],
  ['429', { kind: 'status', status: 429, body: '{"code":8,"message":"slow down"}' }],
  ['500', { kind: 'status', status: 500, body: '{"code":13,"message":"database is away"}' }],
  ['HTML of a gateway', { kind: 'html' }],
  ['HTML in place of the reply', { kind: 'garbled' }],
  ['reply after the limit', { kind: 'slow', ms: REQUEST_SECONDS_MAX * 1000 + 100 }],
];
const RETRYABLE = ['BACKEND_UNAVAILABLE', 'REPLY_MALFORMED', 'STATE_CONTRADICTED'];

export async function crashLives(plan: CrashPlan): Promise<CrashReport> {
  const server = await startKfp();
  const proxy = await startFaultProxy({ upstream: server.url });
  const soak = new CrashSoak(plan, server, proxy);
  try {
    return await soak.run();
  } finally {
    await proxy.close();
    await server.close();
  }
}

/** What one life is about, and the worker that has it now. */
interface Life {
  readonly random: Random;
  readonly intent: ReturnType<typeof intentOf>;
  api: KfpApi;
  kills: number;
}

class CrashSoak {
  readonly #plan: CrashPlan;
  readonly #server: KfpServer;
  readonly #proxy: FaultProxy;
  readonly #crashes: Record<string, number> = {};
  readonly #strange: string[] = [];
  #lives = 0;

  constructor(plan: CrashPlan, server: KfpServer, proxy: FaultProxy) {
    this.#plan = plan;
    this.#server = server;
    this.#proxy = proxy;
  }

  async run(): Promise<CrashReport> {
    this.#arm();
    const lanes = Array.from({ length: this.#plan.atOnce }, async () => {
      while (this.#total() < this.#plan.crashes) await this.#live();
    });
    await Promise.all(lanes);
    const { world, violations } = this.#server;
    world.report();
    const ledger = [...world.ledger()];
    const names = [...world.experiments.values()].map(({ name }) => name);
    return {
      lives: this.#lives,
      crashes: this.#crashes,
      total: this.#total(),
      duplicates: ledger.filter(([, { made }]) => made > 1).map(([key]) => key),
      orphans: ledger.filter(([, { live }]) => live > 0).map(([key]) => key),
      strange: this.#strange,
      marksLeft: names.filter((name) => /^orrery-(start|anchor)-/.test(name)).length,
      recurringRuns: world.recurringRuns.size,
      violations,
    };
  }

  #arm(): void {
    const wire = createRandom(this.#plan.seed, 'wire');
    this.#proxy.decide(() => {
      if (wire.next() >= FAULT_SHARE) return null;
      const [kind, fault] = FAULTS[Math.floor(wire.next() * FAULTS.length)]!;
      this.#count(kind);
      return fault;
    });
    const inside = createRandom(this.#plan.seed, 'API server');
    this.#server.world.strike = (point: Point) => {
      if (inside.next() >= STRIKE_SHARE) return null;
      const slow = inside.next() < 0.5;
      this.#count(`${slow ? 'slow' : 'API server dies'} ${point}`);
      return slow ? inside.next() * SLOW_MS_MAX : 'crash';
    };
  }

  async #live(): Promise<void> {
    const nth = (this.#lives += 1);
    const random = createRandom(this.#plan.seed, `life ${nth}`);
    const cancels = random.next() < CANCEL_SHARE;
    const course = cancels ? (random.next() < 0.2 ? 'outruns' : 'runs-long') : 'succeeds';
    const life: Life = { random, intent: intentOf(course), api: await this.#worker(), kills: 0 };
    const wanted = course === 'runs-long' ? 'cancelled' : 'succeeded';
    try {
      const { handle } = await this.#start(life);
      const phase = cancels ? await this.#stop(life, handle) : await this.#end(life, handle);
      if (phase !== wanted) this.#strange.push(`${life.intent.key}: ${phase}, not ${wanted}`);
    } catch (error) {
      this.#strange.push(`${life.intent.key}: ${(error as Error).message}`);
    } finally {
      await life.api.close();
    }
  }

  async #start(life: Life): Promise<PipelineStart> {
    const start = () => this.#persist(life, (pipeline) => pipeline.start(life.intent));
    const first = await start();
    if (life.random.next() >= REPEAT_SHARE) return first;
    this.#count('killed after the reply');
    await life.api.close();
    life.api = await this.#worker();
    const again = await start();
    if (again.outcome === 'created') this.#strange.push(`${life.intent.key}: created twice`);
    return again;
  }

  async #stop(life: Life, handle: PipelineHandle): Promise<string> {
    return (await this.#persist(life, (pipeline) => pipeline.stop(handle))).phase;
  }

  async #end(life: Life, handle: PipelineHandle): Promise<string> {
    for (let since = -1, count = 0; count < TRIES_MAX; count += 1) {
      const wait = { since, waitMs: PAUSE_MS };
      const reading = await this.#persist(life, (pipeline) => pipeline.read(handle, wait));
      if (isTerminal(reading.phase)) return reading.phase;
      since = reading.revision;
    }
    return 'never over';
  }

  /** One step until it is done: retries what may be retried, and kills the worker now and then. */
  async #persist<Value>(
    life: Life,
    step: (pipeline: KfpPipeline) => Promise<Value>,
  ): Promise<Value> {
    for (let tries = 0; ; tries += 1) {
      const kills = life.random.next() < KILL_SHARE && life.kills < KILLS_MAX;
      const killAfter = life.random.next() * KILL_MS_MAX;
      const timer = kills ? setTimeout(() => this.#kill(life), killAfter) : undefined;
      try {
        return await step(new KfpPipeline(life.api));
      } catch (error) {
        const code = error instanceof OrreryError ? error.code : 'none';
        if (!RETRYABLE.includes(code) || tries >= TRIES_MAX) throw error;
      } finally {
        clearTimeout(timer);
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      life.api = await this.#worker();
    }
  }

  #kill(life: Life): void {
    this.#count('worker killed');
    life.kills += 1;
    // Its connections go with it; what it had sent is the far side's.
    void life.api.close();
  }

  #worker(): Promise<KfpApi> {
    const settings = { requestSecondsMax: REQUEST_SECONDS_MAX, settleSeconds: SETTLE_SECONDS };
    return openKfp(this.#proxy.url, settings);
  }

  #count(kind: string): void {
    this.#crashes[kind] = (this.#crashes[kind] ?? 0) + 1;
  }

  #total(): number {
    return Object.values(this.#crashes).reduce((sum, count) => sum + count, 0);
  }
}
