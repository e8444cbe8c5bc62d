import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { greedy } from '../../core/spot/greedy.ts';
import { optimumUsd } from '../../core/spot/optimum.ts';
import { simulate } from '../../core/spot/simulate.ts';
import type { SpotJob } from '../../core/spot/situation.ts';
import { timeSliced } from '../../core/spot/time-sliced.ts';
import { uniformProgress } from '../../core/spot/uniform-progress.ts';

/** 2,000 in `make check`, all of them with ORRERY_SOAK=1. */
const SEQUENCES = process.env['ORRERY_SOAK'] === '1' ? 100_000 : 2000;
const SEED = 20261124;

const POLICIES = [greedy, timeSliced(4), uniformProgress];

const jobs = fc
  .record({
    looks: fc.integer({ min: 4, max: 60 }),
    changeover: fc.integer({ min: 0, max: 30 }),
    fill: fc.double({ min: 0.05, max: 1, noNaN: true }),
    lookSeconds: fc.constantFrom(7, 10, 15),
    spot: fc.double({ min: 0.1, max: 3.06, noNaN: true }),
  })
  .map(({ looks, changeover, fill, lookSeconds, spot }): SpotJob => {
    const deadlineSeconds = looks * lookSeconds;
    const most = deadlineSeconds - changeover;
    return {
      workSeconds: Math.max(1, Math.floor(fill * Math.max(1, most))),
      deadlineSeconds: Math.max(deadlineSeconds, changeover + 1 + lookSeconds),
      changeoverSeconds: changeover,
      lookSeconds,
      usdPerHour: { spot, onDemand: 3.06 },
    };
  });

describe('the safety net', () => {
  it.each(POLICIES)('keeps $name in time whatever the market does', (policy) => {
    fc.assert(
      fc.property(jobs, fc.array(fc.boolean(), { maxLength: 70 }), (job, market) => {
        const run = simulate(job, policy, (index) => market[index] ?? false);
        expect(run.isLate).toBe(false);
      }),
      { numRuns: SEQUENCES, seed: SEED },
    );
  });
});

/** Every sequence of moves, tried one after the other. */
function bruteForceUsd(job: SpotJob, market: readonly boolean[]): number {
  const looks = Math.floor(job.deadlineSeconds / job.lookSeconds);
  const fee = (usd: number) => (usd * job.lookSeconds) / 3600;
  const { spot, onDemand } = job.usdPerHour;
  const from = (index: number, mode: string, progress: number): number => {
    if (index === looks) return progress >= job.workSeconds ? 0 : Infinity;
    const step = (next: string, usd: number) =>
      usd +
      from(
        index + 1,
        next,
        progress + job.lookSeconds - (next === mode ? 0 : job.changeoverSeconds),
      );
    const held = mode === 'spot' && !market[index] ? 'idle' : mode;
    if (held !== mode) return from(index, held, progress);
    return Math.min(
      from(index + 1, 'idle', progress),
      step('on-demand', fee(onDemand)),
      market[index] ? step('spot', fee(spot)) : Infinity,
    );
  };
  return from(0, 'idle', 0);
}

describe('the omniscient optimum', () => {
  it('is what trying every sequence of moves finds', () => {
    const small = fc.record({
      market: fc.array(fc.boolean(), { minLength: 2, maxLength: 8 }),
      fill: fc.double({ min: 0.05, max: 1, noNaN: true }),
      changeoverSeconds: fc.integer({ min: 0, max: 14 }),
      lookSeconds: fc.integer({ min: 4, max: 10 }),
      spot: fc.double({ min: 0.1, max: 3.06, noNaN: true }),
    });
    fc.assert(
      fc.property(small, ({ market, fill, changeoverSeconds, lookSeconds, spot }) => {
        const deadlineSeconds = market.length * lookSeconds;
        const job: SpotJob = {
          workSeconds: Math.max(1, Math.floor(fill * deadlineSeconds)),
          deadlineSeconds,
          changeoverSeconds,
          lookSeconds,
          usdPerHour: { spot, onDemand: 3.06 },
        };
        const zone = { usdPerHour: spot, isAvailable: (index: number) => market[index] ?? false };
        const best = bruteForceUsd(job, market);
        const found = optimumUsd(job, [zone]);
        expect(found === best || Math.abs(found - best) < 1e-9).toBe(true);
      }),
      { numRuns: 400, seed: SEED },
    );
  });
});
