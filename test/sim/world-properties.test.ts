import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { CALL_NAMES, type CallName } from '../../backends/sim/methods.ts';
import type { WorldScript } from '../../backends/sim/settings.ts';
import { createWorld, type World } from '../../backends/sim/world.ts';
import { OrreryError } from '../../core/errors.ts';
import { attemptOf, trainSpec } from './job-spec.ts';

const CALL_TRIES_MAX = 20;
const FAULTS_MAX = 6;

/** Faults that strike one call or a few in a row, before or after the effect. */
const faultsOf = (calls: readonly CallName[]) =>
  fc.array(
    fc.record({
      call: fc.constantFrom(...calls),
      nth: fc.integer({ min: 1, max: 8 }),
      times: fc.integer({ min: 1, max: 2 }),
      moment: fc.constantFrom('before' as const, 'after' as const),
    }),
    { maxLength: FAULTS_MAX },
  );

const endings = fc.constantFrom(
  { does: 'succeed' as const },
  { does: 'exit' as const, code: 1 },
  { does: 'kill' as const, atPercent: 50 },
  { does: 'vanish' as const, atPercent: 20 },
  { does: 'stall' as const, atPercent: 80 },
);

/** Calls again and again, as the engine retries an activity. */
async function retry<Result>(call: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call();
    } catch (error) {
      const retryable = error instanceof OrreryError && error.code === 'INTERNAL';
      if (!retryable || attempt === CALL_TRIES_MAX) throw error;
    }
  }
}

/** Two callers that drive the same step at once, each retrying, each moving on from dead attempts. */
async function driveStep(world: World, attempts: number): Promise<void> {
  const { compute } = world.ports;
  for (let attempt = 1; attempt <= attempts; attempt += 1) {
    const intent = attemptOf(trainSpec({ timeoutSeconds: 200 }), attempt);
    const { handle, outcome } = await retry(() => compute.start(intent));
    if (outcome === 'dead') continue;
    let reading = await retry(() => compute.read(handle));
    while (reading.phase === 'running') {
      const wait = { since: reading.revision, waitMs: 300_000 };
      reading = await retry(() => compute.read(handle, wait));
    }
    if (reading.phase === 'succeeded') return;
  }
}

describe('createWorld', () => {
  it('never has two jobs of one key, or two of one step at once, whatever fails', async () => {
    await fc.assert(
      fc.asyncProperty(
        faultsOf(['compute.start', 'compute.read']),
        fc.array(endings, { minLength: 3, maxLength: 3 }),
        fc.nat(1000),
        async (faults, ends, seed) => {
          const jobs = ends.map((ending, at) => ({ attempt: at + 1, ending }));
          const script: WorldScript = { seed, faults, jobs, jobSeconds: { train: 40 } };
          const world = createWorld(script);
          await Promise.all([driveStep(world, 3), driveStep(world, 3)]);
          const started = world.journal.of('job.started');
          expect(new Set(started.map((entry) => entry.key)).size).toBe(started.length);
          const running = new Set<string>();
          for (const entry of world.journal.entries) {
            if (entry.what === 'job.started') running.add(entry.key);
            if (entry.what === 'job.ended') running.delete(entry.key);
            expect(running.size).toBeLessThanOrEqual(1);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('writes every fact under the next generation, whatever fails', async () => {
    await fc.assert(
      fc.asyncProperty(
        faultsOf(['models.fact', 'models.changeFact']),
        fc.array(fc.constantFrom('v1', 'v2', 'v3'), { minLength: 1, maxLength: 8 }),
        async (faults, champions) => {
          const world = createWorld({ faults });
          const { models } = world.ports;
          const place = { model: 'fraud', region: 'eu' };
          await Promise.all(
            champions.map(async (champion) => {
              const fact = await retry(() => models.fact('fraud', 'eu'));
              const next = { champion, previous: fact.champion, challenger: null };
              const change = { ...place, expectedGeneration: fact.generation, next };
              await retry(() => models.changeFact(change)).catch((error: unknown) => {
                expect(error).toMatchObject({ code: 'CHAMPION_MOVED' });
              });
            }),
          );
          const generations = world.journal.of('fact.changed').map((entry) => entry.generation);
          expect(generations).toEqual(generations.map((_, at) => at + 1));
          const { generation } = await retry(() => models.fact('fraud', 'eu'));
          expect(generation).toBe(generations.length);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('serves weights that add up to 100 after any orders, valid or not', async () => {
    const weight = fc.oneof(fc.integer({ min: -1, max: 101 }), fc.constantFrom(33.3, 0, 100));
    const order = fc.oneof(
      fc.tuple(weight, weight),
      fc.integer({ min: 0, max: 100 }).map((first) => [first, 100 - first] as const),
    );
    await fc.assert(
      fc.asyncProperty(
        faultsOf(['traffic.set']),
        fc.array(order, { maxLength: 10 }),
        async (faults, orders) => {
          const world = createWorld({ faults });
          const route = 'fraud.eu';
          for (const [first, second] of orders) {
            const arms = [
              { version: 'v1', address: 'a.sim:1', weightPercent: first },
              { version: 'v2', address: 'b.sim:1', weightPercent: second },
            ];
            const spec = { route, arms, mirror: null, sticky: false };
            await world.ports.traffic.set(spec).catch((error: unknown) => {
              expect(['WEIGHT_INVALID', 'INTERNAL']).toContain((error as OrreryError).code);
            });
            const reading = await world.ports.traffic.read(route);
            const sum = reading?.arms.reduce((total, arm) => total + arm.weightPercent, 0);
            expect([undefined, 100]).toContain(sum);
          }
          for (const { weightsPercent } of world.journal.of('route.set')) {
            const total = Object.values(weightsPercent).reduce((sum, part) => sum + part, 0);
            expect(total).toBe(100);
          }
        },
      ),
    );
  });

  it('gives copies out, so that no caller can change what it holds', async () => {
    const world = createWorld();
    const bytes = new Uint8Array([1, 2, 3]);
    const ref = await world.ports.artifacts.put(bytes);
    (await world.ports.artifacts.read(ref)).fill(0);
    expect([...(await world.ports.artifacts.read(ref))]).toEqual([1, 2, 3]);
  });

  it('names every method of every port as a place for faults', () => {
    const { ports } = createWorld();
    const names = Object.entries(ports).flatMap(([port, methods]) =>
      Object.keys(methods as object).map((method) => `${port}.${method}`),
    );
    expect(names.sort()).toEqual([...CALL_NAMES].sort());
  });
});
