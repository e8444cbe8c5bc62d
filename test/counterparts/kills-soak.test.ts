/**
 * kill -9 of workers, for every backend whose harness says how: see test/support/kill-soak.ts.
 * `ORRERY_SOAK=1` takes at least 300 crashes of activities a backend; `ORRERY_SEED` repeats a run.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from '@jest/globals';

import { REGISTRY } from '../../backends/registry.ts';
import { HARNESS_FOLDERS } from '../support/contract/all.ts';
import { killWorkers, type KillPlan } from '../support/kill-soak.ts';
import type { OpenSoak } from '../support/soak-runs.ts';

const SOAK = process.env['ORRERY_SOAK'] === '1';
const SEED = Number(process.env['ORRERY_SEED'] ?? 20261124);
const CRASHES_MIN = SOAK ? 300 : 10;
const PLAN: KillPlan = {
  seed: SEED,
  kills: SOAK ? 30 : 3,
  inFlight: SOAK ? 20 : 8,
  cancelShare: 0.3,
};

async function soaksOf(name: string): Promise<readonly (readonly [string, OpenSoak])[]> {
  const paths = HARNESS_FOLDERS.map((folder) =>
    join(import.meta.dirname, '..', folder, name, 'harness.ts'),
  );
  const modules = await Promise.all(
    paths.filter((path) => existsSync(path)).map((path) => import(pathToFileURL(path).href)),
  );
  return modules.flatMap((module) =>
    Object.entries((module as { soaks?: Record<string, OpenSoak> }).soaks ?? {}),
  );
}

const soaks = (await Promise.all(Object.keys(REGISTRY).map(soaksOf))).flat();

describe('Workers killed with far-side work in flight', () => {
  it.each(soaks)(
    'leave one job a key and no orphan on %s',
    async (name, open) => {
      const soak = await open();
      try {
        const report = await killWorkers(soak, PLAN);
        process.stdout.write(`${name}, seed ${SEED}: ${JSON.stringify(report)}\n`);
        expect(report).toMatchObject({ duplicates: [], orphans: [], strange: [] });
        const crashes = Object.values(report.crashes).reduce((sum, count) => sum + count, 0);
        expect(crashes).toBeGreaterThanOrEqual(CRASHES_MIN);
      } finally {
        await soak.close();
      }
    },
    SOAK ? 1_800_000 : 180_000,
  );
});
