/**
 * Crashes around every call, in process, against the double of Airflow. `ORRERY_SOAK=1` takes at
 * least 10,000 of them; `ORRERY_SEED` repeats the draws, if not how steps under way at once mix.
 */
import { describe, expect, it } from '@jest/globals';

import { isOver, phaseOf } from '../../../backends/airflow/run-reading.ts';
import { createPipeline } from '../../../backends/airflow/pipeline.ts';
import { airflowSettings } from '../../../backends/airflow/settings.ts';
import { seededRandom } from '../../../kernels/statistics/random.ts';
import { CRASHES, CrashingWire, WorkerKilled } from './crashes.ts';
import { clientOf } from './double-client.ts';
import { AirflowDouble } from './double.ts';
import { driveStep, type StepEnd } from './driven-runs.ts';

const SOAK = process.env['ORRERY_SOAK'] === '1';
const SEED = Number(process.env['ORRERY_SEED'] ?? 20261124);
const CRASHES_MIN = SOAK ? 10_000 : 300;
/** Steps that are under way at once, so that their calls mix. */
const TOGETHER = 8;
const PROBABILITY = 0.25;
const LIMIT_MS = 600_000;

const DAGS = {
  passes: { first: 'passes', second: 'passes' },
  fails: { first: 'passes', second: 'fails', third: 'passes' },
  long: { first: 'never ends', second: 'passes' },
} as const;
const NAMES = Object.keys(DAGS);

describe('Crashes around calls to Airflow', () => {
  it(
    'leave one run a key, none live, and tell of each run what is true',
    async () => {
      const draw = seededRandom(SEED);
      const random = () => draw() / 2 ** 32;
      const double = new AirflowDouble(DAGS);
      const wire = new CrashingWire(double, random, PROBABILITY);
      const settings = airflowSettings.parse({
        endpoint: 'http://127.0.0.1:9',
        credentials: { from: 'environment' },
        pollSeconds: 0.001,
      });
      const pipeline = createPipeline(settings, clientOf(wire.send));
      // A reply that has arrived and was not kept: the worker dies with it.
      const between = () => {
        if (random() >= PROBABILITY / 4) return;
        wire.counts['after reply before completion'] += 1;
        throw new WorkerKilled();
      };
      const driving = { soak: 'double', between, pauseMs: 0 };
      const ends: StepEnd[] = [];
      let nth = 0;
      const keepGoing = async (): Promise<void> => {
        while (wire.total < CRASHES_MIN) {
          nth += 1;
          const plan = {
            nth,
            dag: NAMES[Math.floor(random() * NAMES.length)]!,
            cancelAfter: random() < 0.5 ? Math.floor(random() * 6) : null,
            attempts: 2,
          };
          const bounded = plan.dag === 'long' ? (plan.cancelAfter ?? 3) : plan.cancelAfter;
          ends.push(await driveStep(pipeline, { ...plan, cancelAfter: bounded }, driving));
        }
      };
      await Promise.all(Array.from({ length: TOGETHER }, keepGoing));
      wire.flush();

      const report = { seed: SEED, steps: nth, runs: double.made.length, crashes: wire.counts };
      process.stdout.write(`airflow double: ${JSON.stringify(report)}\n`);
      expect(wire.total).toBeGreaterThanOrEqual(CRASHES_MIN);
      for (const crash of CRASHES) expect([crash, wire.counts[crash] > 0]).toEqual([crash, true]);
      expect(wire.duringCancel).toBeGreaterThan(0);
      const known = ends.flatMap(({ attempts }) => attempts);
      // Each attempt has its own run and no run is without an attempt.
      expect([...double.made].sort()).toEqual([...known].sort());
      expect(new Set(double.made).size).toBe(double.made.length);
      expect(double.live()).toEqual([]);
      for (const { handle, phase } of ends) {
        const seen = double.look(handle.remoteId)!;
        expect([handle.remoteId, isOver(seen.run)]).toEqual([handle.remoteId, true]);
        expect([handle.remoteId, phase]).toEqual([handle.remoteId, phaseOf(seen.run, seen.tasks)]);
      }
      expect(ends.some(({ phase }) => phase === 'cancelled')).toBe(true);
    },
    LIMIT_MS,
  );
});
