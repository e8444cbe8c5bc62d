/**
 * Many workers, each dying where the seed says, on a far side that fails where the seed says; then the
 * far side's own ledger is asked. ORRERY_SOAK=1 injects 10,000 crashes into each way, otherwise 150.
 * ORRERY_SEED repeats a run.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { createRandom } from '../../../backends/sim/random.ts';
import type { Random } from '../../../backends/sim/random.ts';
import { OrreryError, type ErrorCode } from '../../../core/errors.ts';
import { contractIntent, pipelineIntent } from '../../support/contract/harness.ts';
import { Crash, faultsFor, mortal, MOMENTS } from './crashes.ts';
import { openVertex, pipelineSpec, ROOT_URI } from './opened.ts';
import type { Opened } from './opened.ts';

const CRASHES = process.env['ORRERY_SOAK'] === '1' ? 10_000 : 150;
const SEED = Number(process.env['ORRERY_SEED'] ?? 20_261_124);
const LANES = 12;
/** Lives that one step may take before the soak calls it stuck. */
const LIVES_MAX = 60;
const DEATH_SHARE = 0.6;
const FAULT_SHARE = 0.08;
/** Readings under a key after its start, as a watcher makes them. */
const READS = 3;
/** Long enough for a machine under load; the slow answers of crashes.ts take longer. */
const CALL_SECONDS = 3;
const SOAK_MS_MAX = 1_800_000;
/** What a worker may meet on this far side and try again. */
const TRANSIENT: readonly ErrorCode[] = ['BACKEND_UNAVAILABLE', 'QUOTA_EXCEEDED'];

type Ports = Opened['ports'];
type Handle = { readonly key: string; readonly remoteId: string };
type Reading = { readonly phase: string };

/** One kind of work, driven through whichever port it has. */
interface Way {
  readonly name: string;
  readonly more: object;
  start(ports: Ports, nonce: string): Promise<{ handle: Handle; outcome: string }>;
  read(ports: Ports, handle: Handle): Promise<Reading>;
  stop(ports: Ports, handle: Handle): Promise<Reading>;
  /** What the far side has ever created under the key, and what lives of it now. */
  ledger(opened: Opened, key: string): { readonly created: number; readonly live: number };
  /** Twins that are cancelled once seen; 0 where the far side has ids of ours. */
  readonly mayTwin: boolean;
}

const compute = (name: string, submit: 'pipeline' | 'custom-job'): Way => ({
  name,
  more: { submit },
  start: (ports, nonce) =>
    ports.compute.start(
      contractIntent({ command: ['train'], version: 'runs-long', outputs: [] }, nonce),
    ),
  read: (ports, handle) => ports.compute.read(handle),
  stop: (ports, handle) => ports.compute.stop(handle),
  ledger: ({ double: { world } }, key) => ({
    created: world.customJobs.ofKey(key).length,
    live: world.liveJobs(key).length,
  }),
  mayTwin: submit === 'custom-job',
});

const WAYS: readonly Way[] = [
  compute('jobs in pipeline runs', 'pipeline'),
  compute('jobs as custom jobs', 'custom-job'),
  {
    name: 'pipeline runs',
    more: {},
    start: (ports, nonce) => {
      const run = { pipeline: 'runs-long', params: {} };
      return ports.pipeline.start(pipelineIntent(run, nonce));
    },
    read: (ports, handle) => ports.pipeline.read(handle),
    stop: (ports, handle) => ports.pipeline.stop(handle),
    ledger: ({ double: { world } }, key) => ({
      created: world.pipelineJobs.ofKey(key).length,
      // Two steps run in each.
      live: world.liveJobs(key).length / 2,
    }),
    mayTwin: false,
  },
];

describe.each(WAYS)(`$name on Vertex AI, ${CRASHES} crashes, ORRERY_SEED=${SEED}`, (way) => {
  let opened: Opened;
  beforeAll(async () => {
    opened = await openVertex({ listLag: 1 }, { ...way.more, callTimeoutSeconds: CALL_SECONDS });
    const spec = Buffer.from(JSON.stringify(pipelineSpec('runs-long')));
    opened.double.world.objects.set(`${ROOT_URI}/pipelines/runs-long.json`, spec);
  });
  afterAll(() => opened.close());

  it(
    'leave one live piece of work for each key while it is wanted, and none after it was stopped',
    async () => {
      const tally = new Tally();
      const { double } = opened;
      const random = createRandom(SEED, `${way.name}/faults`);
      double.wire.decide = faultsFor(random, FAULT_SHARE, (fault) => tally.crash(fault.kind));
      let nth = 0;
      const lane = async (number: number) => {
        const draws = createRandom(SEED, `${way.name}/lane ${number}`);
        while (tally.crashes < CRASHES) {
          nth += 1;
          await liveAndDie(opened, way, `${SEED}-${nth}`, draws, tally);
        }
      };
      await Promise.all(Array.from({ length: LANES }, (_, at) => lane(at)));
      const atOnce = double.world.ledger.reduce((most, { live }) => Math.max(most, live), 0);
      tally.print(way.name, nth, atOnce);
      expect(tally.problems).toEqual([]);
      expect(tally.crashes).toBeGreaterThanOrEqual(CRASHES);
      if (!way.mayTwin) expect(tally.twins).toBe(0);
      const orphans = [...double.world.customJobs.items.values()].filter(({ life }) =>
        life.isLive(Date.now()),
      );
      expect(orphans.map(({ name }) => name)).toEqual([]);
    },
    SOAK_MS_MAX,
  );
});

async function liveAndDie(
  opened: Opened,
  way: Way,
  nonce: string,
  draws: Random,
  tally: Tally,
): Promise<void> {
  const live = <T>(step: string, act: (ports: Ports) => Promise<T>) =>
    untilDone(opened, draws, tally, `${step} of ${nonce}`, act);
  const { handle, outcome } = await live('start', (ports) => way.start(ports, nonce));
  if (outcome === 'dead') tally.problems.push(`${nonce} is dead after its start`);
  for (let count = 0; count < READS; count += 1) {
    await live('read', (ports) => way.read(ports, handle));
  }
  const wanted = way.ledger(opened, handle.key);
  if (wanted.live !== 1) tally.problems.push(`${nonce}: ${wanted.live} live while wanted`);
  tally.twins += wanted.created - 1;
  const stopped = await live('stop', (ports) => way.stop(ports, handle));
  if (stopped.phase !== 'cancelled') tally.problems.push(`${nonce} reads ${stopped.phase}`);
  const left = way.ledger(opened, handle.key);
  if (left.live !== 0) tally.problems.push(`${nonce}: ${left.live} live after its stop`);
}

/** One step by as many workers as it takes, as an activity is retried. */
async function untilDone<T>(
  opened: Opened,
  draws: Random,
  tally: Tally,
  step: string,
  act: (ports: Ports) => Promise<T>,
): Promise<T> {
  let last: unknown = null;
  for (let life = 1; life <= LIVES_MAX; life += 1) {
    const dies = draws.next() < DEATH_SHARE;
    const death = {
      nth: 1 + Math.floor(draws.next() * 4),
      moment: MOMENTS[Math.floor(draws.next() * 3)]!,
    };
    const ports = opened.onWire((api) =>
      mortal(api, dies ? death : null, (moment) => tally.crash(moment)),
    );
    try {
      return await act(ports);
    } catch (error) {
      last = error;
      if (error instanceof Crash) continue;
      if (error instanceof OrreryError && TRANSIENT.includes(error.code)) continue;
      throw error;
    }
  }
  throw new Error(`${step}: not done in ${LIVES_MAX} lives (${String(last)})`, { cause: last });
}

class Tally {
  readonly problems: string[] = [];
  twins = 0;
  readonly #byKind = new Map<string, number>();

  get crashes(): number {
    return [...this.#byKind.values()].reduce((sum, count) => sum + count, 0);
  }

  crash(kind: string): void {
    this.#byKind.set(kind, (this.#byKind.get(kind) ?? 0) + 1);
  }

  print(name: string, keys: number, atOnce: number): void {
    const kinds = [...this.#byKind].map(([kind, count]) => `${kind} ${count}`).join(', ');
    process.stdout.write(
      `vertex soak: ${name}: ${keys} keys, ${this.crashes} crashes (${kinds}), ${this.twins} twins cancelled, at most ${atOnce} live at once under a key, seed ${SEED}\n`,
    );
  }
}
