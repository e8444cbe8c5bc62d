/**
 * Many workers, each dying where the seed says, on a far side that fails where the seed says; then the
 * ledger of the layer is asked. ORRERY_SOAK=1 injects 10,000 crashes into each way, otherwise 100.
 * ORRERY_SEED repeats a run.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { createCompute } from '../../../backends/sagemaker/compute.ts';
import { createDefinitions } from '../../../backends/sagemaker/definitions.ts';
import { openFarSide } from '../../../backends/sagemaker/far-side.ts';
import type { FarSide } from '../../../backends/sagemaker/far-side.ts';
import { createPipeline } from '../../../backends/sagemaker/pipeline.ts';
import { createRandom } from '../../../backends/sim/random.ts';
import type { Random } from '../../../backends/sim/random.ts';
import { OrreryError } from '../../../core/errors.ts';
import type { ErrorCode } from '../../../core/errors.ts';
import type { JobSpec } from '../../../core/ports/compute.ts';
import { jobIntent } from '../../../core/training/job-key.ts';
import { contractSpec, freshName, pipelineIntent } from '../../support/contract/harness.ts';
import { startFaultProxy } from '../../support/fault-proxy.ts';
import type { FaultProxy } from '../../support/fault-proxy.ts';
import { openTestLayer, settingsFor } from './far-side.ts';
import { definitionText, livingJob } from './works.ts';
import type { Layer } from './layer/server.ts';
import { Crash, faultsFor, mortal, MOMENTS } from './mortal.ts';

const CRASHES = process.env['ORRERY_SOAK'] === '1' ? 10_000 : 100;
const SEED = Number(process.env['ORRERY_SEED'] ?? 20_261_124);
const LANES = 8;
/** Lives that one step may take before the soak calls it stuck. */
const LIVES_MAX = 60;
const DEATH_SHARE = 0.75;
const FAULT_SHARE = 0.08;
/** Readings under a key after its start, as a watcher makes them. */
const READS = 4;
/** Calls of each step, among which a worker dies. */
const CALLS = { start: 4, read: 2, stop: 3 } as const;
/** Runs of one pipeline: a list of moto and of the layer grows with them. */
const RUNS_PER_PIPELINE = 100;
const TIMEOUT_MS = 1_500;
const SLOW_MS = 1_900;
/** A line of progress after so many crashes. */
const TOLD_EVERY = 1_000;
const SOAK_MS_MAX = 3_600_000;
/** What a worker may meet on this far side and try again. */
const TRANSIENT: readonly ErrorCode[] = ['BACKEND_UNAVAILABLE', 'REPLY_MALFORMED'];
const FOREVER = { trainingSeconds: 1e9, stoppingSeconds: 1 };

type Handle = { readonly key: string; readonly remoteId: string };
interface Counts {
  readonly created: number;
  readonly live: number;
}

/** One kind of work, driven through its port. */
interface Way {
  readonly name: string;
  /** The same for every life of a step. */
  start(far: FarSide, nth: number): Promise<{ handle: Handle; outcome: string }>;
  read(far: FarSide, handle: Handle): Promise<unknown>;
  stop(far: FarSide, handle: Handle): Promise<{ readonly phase: string }>;
  /** What moto has ever accepted under the key, and what lives of it now. */
  count(layer: Layer, key: string): Counts;
  /** Everything that lives. */
  live(layer: Layer): number;
}

const nonceOf = (nth: number) => `${RUN}-${nth}`;
const RUN = freshName(`soak-${SEED}`);

const jobs = (kind: JobSpec['kind'], service: 'training' | 'processing'): Way => ({
  name: `${service} jobs`,
  start: (far, nth) => {
    const nonce = `${service}-${nonceOf(nth)}`;
    const spec = { ...contractSpec(livingJob(FOREVER), nonce), kind, timeoutSeconds: 1e9 };
    const identity = { workflowId: nonce, firstRunId: 'r', step: 's', attempt: 1 };
    return createCompute(far).start(jobIntent(identity, spec));
  },
  read: (far, handle) => createCompute(far).read(handle),
  stop: (far, handle) => createCompute(far).stop(handle),
  count: (layer, key) => {
    const topic = layer[service];
    const record = topic.records.get(key);
    const live = record !== undefined && topic.momentOf(record as never).endAt === null;
    return { created: topic.created.filter((name) => name === key).length, live: live ? 1 : 0 };
  },
  live: (layer) => {
    const topic = layer[service];
    const moments = [...topic.records.values()].map((record) => topic.momentOf(record as never));
    return moments.filter(({ endAt }) => endAt === null).length;
  },
});

const runs: Way = {
  name: 'pipeline runs',
  start: (far, nth) => {
    const pipeline = pipelineNamed(nth);
    const life = JSON.stringify({ stepSeconds: 1e9 });
    const intent = pipelineIntent({ pipeline, params: { life } }, nonceOf(nth));
    return createPipeline(far).start(intent);
  },
  read: (far, handle) => createPipeline(far).read(handle),
  stop: (far, handle) => createPipeline(far).stop(handle),
  count: (layer, key) => {
    const all = [...layer.pipelines.executions.values()].filter(
      ({ displayName }) => displayName === key,
    );
    return { created: all.length, live: all.filter(liveRun(layer)).length };
  },
  live: (layer) => [...layer.pipelines.executions.values()].filter(liveRun(layer)).length,
};

type Execution = Parameters<Layer['pipelines']['momentOf']>[0];
const liveRun = (layer: Layer) => (execution: Execution) =>
  ['Executing', 'Stopping'].includes(layer.pipelines.momentOf(execution).status);
const pipelineNamed = (nth: number) => `${RUN}-p${Math.floor(nth / RUNS_PER_PIPELINE)}`;

const WAYS = [jobs('train', 'training'), jobs('score', 'processing'), runs];

describe.each(WAYS)(`$name of SageMaker, ${CRASHES} crashes, ORRERY_SEED=${SEED}`, (way) => {
  let layer: Layer;
  let proxy: FaultProxy;
  let far: FarSide;
  let defined: Promise<unknown> = Promise.resolve();
  beforeAll(async () => {
    layer = await openTestLayer(1_000);
    proxy = await startFaultProxy({ upstream: layer.url });
    const { aws } = settingsFor(proxy.url);
    const limits = { attemptsMax: 1, timeoutMs: TIMEOUT_MS };
    far = openFarSide(settingsFor(proxy.url, { aws: { ...aws, ...limits }, pollMs: 5 }));
  });
  afterAll(async () => {
    far.close();
    await proxy.close();
    await layer.close();
  });

  /** The pipelines of the runs, each defined before its first run, where nothing fails. */
  const ensurePipeline = async (nth: number): Promise<void> => {
    if (way !== runs || nth % RUNS_PER_PIPELINE > 0) return defined.then(() => undefined);
    const { aws } = settingsFor(layer.url);
    const calm = openFarSide(settingsFor(layer.url, { aws }));
    const content = { kind: 'source' as const, text: definitionText() };
    defined = createDefinitions(calm).put({ name: pipelineNamed(nth), content });
    await defined;
    calm.close();
  };

  it(
    'leave one live piece of work for each key while it is wanted, and none after it was stopped',
    async () => {
      const tally = new Tally();
      const random = createRandom(SEED, `${way.name}/faults`);
      const rules = { share: FAULT_SHARE, slowMs: SLOW_MS };
      proxy.decide(faultsFor(random, rules, (kind) => tally.crash(kind)));
      let next = 0;
      const lane = async (number: number): Promise<void> => {
        const draws = createRandom(SEED, `${way.name}/lane ${number}`);
        while (tally.crashes < CRASHES) {
          const nth = next;
          next += 1;
          await ensurePipeline(nth);
          await liveAndDie({ layer, far, way, nth, draws, tally });
        }
      };
      await Promise.all(Array.from({ length: LANES }, (_, at) => lane(at)));
      tally.print(way.name, next);
      expect(tally.problems).toEqual([]);
      expect(tally.crashes).toBeGreaterThanOrEqual(CRASHES);
      expect(way.live(layer)).toBe(0);
    },
    SOAK_MS_MAX,
  );
});

interface Scene {
  readonly layer: Layer;
  readonly far: FarSide;
  readonly way: Way;
  readonly nth: number;
  readonly draws: Random;
  readonly tally: Tally;
}

async function liveAndDie(scene: Scene): Promise<void> {
  const { layer, way, nth, tally } = scene;
  const { handle, outcome } = await untilDone(scene, 'start', (far) => way.start(far, nth));
  if (outcome === 'dead') tally.problems.push(`${handle.key} is dead after its start`);
  for (let count = 0; count < READS; count += 1) {
    await untilDone(scene, 'read', (far) => way.read(far, handle));
  }
  const wanted = way.count(layer, handle.key);
  if (wanted.live !== 1 || wanted.created !== 1) {
    tally.problems.push(`${handle.key}: ${wanted.created} made, ${wanted.live} live, wanted one`);
  }
  const stopped = await untilDone(scene, 'stop', (far) => way.stop(far, handle));
  if (stopped.phase !== 'cancelled') tally.problems.push(`${handle.key} reads ${stopped.phase}`);
  const left = way.count(layer, handle.key);
  if (left.live !== 0 || left.created !== 1) {
    tally.problems.push(`${handle.key}: ${left.created} made, ${left.live} live after its stop`);
  }
}

/** One step by as many workers as it takes, as an activity is retried. */
async function untilDone<T>(
  { far, nth, draws, tally }: Scene,
  step: keyof typeof CALLS,
  act: (far: FarSide) => Promise<T>,
): Promise<T> {
  let last: unknown = null;
  for (let life = 1; life <= LIVES_MAX; life += 1) {
    const dies = draws.next() < DEATH_SHARE;
    const death = {
      nth: 1 + Math.floor(draws.next() * CALLS[step]),
      moment: MOMENTS[Math.floor(draws.next() * MOMENTS.length)]!,
    };
    try {
      return await act(mortal(far, dies ? death : null, (moment) => tally.crash(moment)));
    } catch (error) {
      last = causeOf(error);
      if (last instanceof Crash) continue;
      if (error instanceof OrreryError && TRANSIENT.includes(error.code)) continue;
      throw error;
    }
  }
  throw new Error(`${step} of ${nth}: not done in ${LIVES_MAX} lives (${String(last)})`, {
    cause: last,
  });
}

/** A crash inside a call of the SDK comes wrapped, as every error of a call does. */
function causeOf(error: unknown): unknown {
  return error instanceof OrreryError && error.cause instanceof Crash ? error.cause : error;
}

class Tally {
  readonly problems: string[] = [];
  readonly #byKind = new Map<string, number>();

  get crashes(): number {
    return [...this.#byKind.values()].reduce((sum, count) => sum + count, 0);
  }

  crash(kind: string): void {
    if ((this.crashes + 1) % TOLD_EVERY === 0) {
      process.stdout.write(`sagemaker soak: ${this.crashes + 1} crashes\n`);
    }
    this.#byKind.set(kind, (this.#byKind.get(kind) ?? 0) + 1);
  }

  print(name: string, keys: number): void {
    const kinds = [...this.#byKind].map(([kind, count]) => `${kind} ${count}`).join(', ');
    process.stdout.write(
      `sagemaker soak: ${name}: ${keys} keys, ${this.crashes} crashes (${kinds}), ${this.problems.length} problems, seed ${SEED}\n`,
    );
  }
}
