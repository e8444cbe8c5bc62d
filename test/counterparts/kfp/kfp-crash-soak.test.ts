/** `ORRERY_SOAK=1` takes 10,000 crashes; `ORRERY_SEED` repeats a run as far as the network allows. */
import { describe, expect, it } from '@jest/globals';

import { crashLives } from './crash-soak.ts';

const SOAK = process.env['ORRERY_SOAK'] === '1';
const SEED = Number(process.env['ORRERY_SEED'] ?? 20261124);
const CRASHES = SOAK ? 10_000 : 300;

describe('Crashes around Kubeflow Pipelines', () => {
  it(
    `leave one run a key and no orphan after ${CRASHES} of them`,
    async () => {
      const report = await crashLives({ seed: SEED, crashes: CRASHES, atOnce: SOAK ? 60 : 40 });
      process.stdout.write(`Kubeflow Pipelines, seed ${SEED}: ${JSON.stringify(report)}\n`);
      expect(report).toMatchObject({ duplicates: [], orphans: [], strange: [], violations: [] });
      expect(report).toMatchObject({ marksLeft: 0, recurringRuns: 1 });
      expect(report.total).toBeGreaterThanOrEqual(CRASHES);
    },
    SOAK ? 2_400_000 : 180_000,
  );
});
