/**
 * Broken calls to the real Airflow, by a proxy in between: resets, pages of HTML, 429, 500, answers
 * that come after the client has given up. `ORRERY_SOAK=1` takes at least 300 of them; `ORRERY_SEED`
 * repeats the draws.
 */
import { describe, expect, it } from '@jest/globals';

import { backend } from '../../../backends/airflow/index.ts';
import { phaseOf } from '../../../backends/airflow/run-reading.ts';
import { findRun, listRuns, listTasks, placeOf } from '../../../backends/airflow/runs.ts';
import { seededRandom } from '../../../kernels/statistics/random.ts';
import { driveStep, type StepEnd } from '../../backends/airflow/driven-runs.ts';
import { freshName } from '../../support/contract/harness.ts';
import { startFaultProxy, type ProxyFault } from '../../support/fault-proxy.ts';
import { seededFaults } from '../../support/fault-script.ts';
import { settingsFor } from './login.ts';
import { openAirflow } from './opened.ts';
import { witness } from './runs.ts';

const SOAK = process.env['ORRERY_SOAK'] === '1';
const SEED = Number(process.env['ORRERY_SEED'] ?? 20261124);
const FAULTS_MIN = SOAK ? 300 : 20;
const TOGETHER = 6;
const REQUEST_SECONDS = 3;
const LIMIT_MS = 1_200_000;

const FAULTS: readonly ProxyFault[] = [
  { kind: 'reset-before' },
  { kind: 'reset-after' },
  { kind: 'html' },
  { kind: 'garbled' },
  { kind: 'status', status: 429 },
  { kind: 'status', status: 500 },
  { kind: 'slow', ms: REQUEST_SECONDS * 1000 + 500 },
  { kind: 'delay', ms: 700 },
];

describe('Broken calls to the real Airflow', () => {
  it(
    'leave one run a key, none live, and tell of each run what is true',
    async () => {
      const opened = await openAirflow();
      const proxy = await startFaultProxy({
        upstream: opened.airflow.url,
        decide: seededFaults({ seed: SEED, probability: 0.2, faults: FAULTS, on: /dagRuns/ }),
      });
      const settings = settingsFor(opened.airflow, {
        endpoint: proxy.url,
        requestSeconds: REQUEST_SECONDS,
      });
      const shaky = await backend.open(settings);
      const draw = seededRandom(SEED);
      const random = () => draw() / 2 ** 32;
      const faults = () => proxy.outcomes.filter(({ fault }) => fault !== null).length;
      const driving = { soak: freshName('soak'), between: () => undefined, pauseMs: 300 };
      const ends: StepEnd[] = [];
      let nth = 0;
      const keepGoing = async (): Promise<void> => {
        while (faults() < FAULTS_MIN) {
          nth += 1;
          const dag = random() < 0.5 ? 'contract-passes' : 'contract-runs-long';
          const cancelAfter =
            dag === 'contract-runs-long' || random() < 0.3 ? Math.floor(random() * 5) : null;
          const plan = { nth, dag, cancelAfter, attempts: 1 };
          ends.push(await driveStep(shaky.ports.pipeline!, plan, driving));
        }
      };
      try {
        await Promise.all(Array.from({ length: TOGETHER }, keepGoing));
        // What was slow has arrived by then.
        await new Promise((resolve) => setTimeout(resolve, REQUEST_SECONDS * 1000));
        const runs = await witness(opened.settings, (client) =>
          listRuns(client, { conf_contains: driving.soak }, 10_000),
        );
        const report = { seed: SEED, steps: nth, runs: runs.length, faults: faults() };
        process.stdout.write(`airflow through the proxy: ${JSON.stringify(report)}\n`);
        const ids = runs.map(({ dag_id: dag, dag_run_id: run }) => `${dag}/${run}`);
        expect(ids.toSorted()).toEqual(ends.flatMap(({ attempts }) => attempts).toSorted());
        expect(new Set(ids).size).toBe(ids.length);
        expect(runs.filter(({ state }) => state === 'queued' || state === 'running')).toEqual([]);
        for (const { handle, phase } of ends) {
          const place = placeOf(handle.remoteId);
          const truth = await witness(opened.settings, async (client) =>
            phaseOf((await findRun(client, place))!, await listTasks(client, place)),
          );
          expect([handle.remoteId, phase]).toEqual([handle.remoteId, truth]);
        }
        expect(new Set(ends.map(({ phase }) => phase))).toEqual(
          new Set(['cancelled', 'succeeded']),
        );
      } finally {
        await shaky.close();
        await proxy.close();
        await opened.open.close();
      }
    },
    LIMIT_MS,
  );
});
