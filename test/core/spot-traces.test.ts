import { describe, expect, it } from '@jest/globals';
import { greedy } from '../../core/spot/greedy.ts';
import { optimumUsd } from '../../core/spot/optimum.ts';
import { simulate } from '../../core/spot/simulate.ts';
import type { SpotPolicy } from '../../core/spot/situation.ts';
import { uniformProgress } from '../../core/spot/uniform-progress.ts';
import {
  HAS_SPOT_TRACES,
  TRACE_SETS,
  referenceWindows,
  spotTrace,
  traceJob,
  windowOf,
  windowStarts,
} from '../support/spot-traces.ts';
import type { TraceSet } from '../support/spot-traces.ts';

const CHANGEOVER_HOURS = 0.2;

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function runs(set: TraceSet, fraction: number, windows: number, policy: SpotPolicy) {
  return set.paths.flatMap((path) => {
    const trace = spotTrace(path);
    const hours = { work: set.workHours, deadline: set.workHours / fraction };
    const job = traceJob(trace, { ...hours, changeover: CHANGEOVER_HOURS });
    return windowStarts(trace, set.looksMax, job.deadlineSeconds, windows).map((start) =>
      simulate(job, policy, windowOf(trace, start, set.nodes)),
    );
  });
}

// The traces lie beside the checkout; without them these tests are shown as skipped.
(HAS_SPOT_TRACES ? describe : describe.skip)('on the traces of shared/data/spot-traces', () => {
  const windows = HAS_SPOT_TRACES ? referenceWindows() : [];

  it('greedy, uniform progress and the optimum cost what the reference costs in each window', () => {
    for (const { trace: path, start_tick: start, cost_usd: wanted, C_h, R_h, d_h } of windows) {
      const trace = spotTrace(path);
      const job = traceJob(trace, { work: C_h, deadline: R_h, changeover: d_h });
      const isAvailable = windowOf(trace, start, 1);
      const zone = { usdPerHour: job.usdPerHour.spot, isAvailable };
      expect(simulate(job, greedy, isAvailable).usd).toBeCloseTo(wanted.greedy, 2);
      expect(simulate(job, uniformProgress, isAvailable).usd).toBeCloseTo(
        wanted.uniform_progress,
        2,
      );
      expect(optimumUsd(job, [zone])).toBeCloseTo(wanted.omniscient, 2);
    }
    expect(windows).toHaveLength(96);
  });

  it.each([
    { policy: uniformProgress, onDemand: 25.1, spot: 22.9 },
    { policy: greedy, onDemand: 30.6, spot: 17.4 },
  ])(
    '$policy.name works $onDemand hours on demand and $spot on spot over the 13 days',
    ({ policy, onDemand, spot }) => {
      const all = runs(TRACE_SETS.days13, 0.8, 300, policy);
      const hours = (market: 'spot' | 'onDemand') =>
        mean(all.map((run) => run.workedSeconds[market] / 3600));
      expect(Math.abs(hours('onDemand') - onDemand)).toBeLessThanOrEqual(0.2);
      expect(Math.abs(hours('spot') - spot)).toBeLessThanOrEqual(0.2);
      expect(all.filter((run) => run.isLate)).toEqual([]);
    },
  );
});
