import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { VERSION_PATTERN } from '../../core/ids.ts';
import { EVALUATION_POLICY_DEFAULT, judgeEvaluation } from '../../core/release/evaluation.ts';
import type { EvaluationReport, Interval } from '../../core/release/evaluation.ts';
import { claimFact, demoteFact, promoteFact, unclaimFact } from '../../core/release/fact.ts';
import { retrainVersion } from '../../core/release/retrain.ts';

const interval = (low: number): Interval => ({ value: low + 0.05, low, high: low + 0.1 });

function report(candidateLow: number, differenceLow: number | null): EvaluationReport {
  return {
    schemaVersion: 1,
    model: 'fraud',
    version: 'v7',
    modelSha256: 'a',
    heldOutSha256: 'b',
    rows: 100,
    positives: 10,
    metric: 'average-precision',
    candidate: interval(candidateLow),
    champion:
      differenceLow === null ? null : { version: 'v6', modelSha256: 'c', score: interval(0.5) },
    difference: differenceLow === null ? null : interval(differenceLow),
    confidence: 0.95,
    resamples: 500,
    seed: 1,
  };
}

describe('judgeEvaluation', () => {
  const policy = { ...EVALUATION_POLICY_DEFAULT, floor: 0.3, lossMax: 0.02 };

  it.each([
    [0.3, true],
    [0.2999, false],
    [0.9, true],
    [0, false],
  ])('without a champion a low end of %d passes: %s', (low, passed) => {
    expect(judgeEvaluation(report(low, null), policy).passed).toBe(passed);
  });

  it.each([
    [-0.0199, true],
    [-0.02, false],
    [-0.5, false],
    [0.1, true],
  ])('with a champion a low end of the difference of %d passes: %s', (low, passed) => {
    expect(judgeEvaluation(report(0.01, low), policy).passed).toBe(passed);
  });

  it('says what it compared, at which level and with which bound', () => {
    expect(judgeEvaluation(report(0.4, null), policy).reason).toBe(
      'no champion: average precision 0.4500 [0.4000, 0.5000] at 95 %, floor 0.3',
    );
    expect(judgeEvaluation(report(0.4, -0.1), policy).reason).toBe(
      'average precision 0.4500 [0.4000, 0.5000] against v6 0.5500 [0.5000, 0.6000]; ' +
        'difference -0.0500 [-0.1000, 0.0000] at 95 %, may lose at most 0.02',
    );
  });

  it('judges by the floor when the difference was not measured', () => {
    expect(judgeEvaluation({ ...report(0.4, 0.1), difference: null }, policy).reason).toContain(
      'no champion',
    );
  });
});

describe('the fact of who serves', () => {
  const claimant = { version: 'v7', owner: 'rollout/fraud/v7/eu' };
  const served = { generation: 4, champion: 'v6', previous: 'v5', challenger: null };

  it('is claimed by one release at a time, and again by the same', () => {
    const claimed = claimFact(served, claimant);
    expect(claimed).toEqual({ champion: 'v6', previous: 'v5', challenger: claimant });
    expect(claimFact({ ...claimed, generation: 5 }, claimant)).toEqual(claimed);
    const other = { version: 'v8', owner: 'rollout/fraud/v8/eu' };
    expect(() => claimFact({ ...claimed, generation: 5 }, other)).toThrow('wanted nobody');
  });

  it('is not claimed for the version that serves', () => {
    expect(() => claimFact({ ...served, champion: 'v7' }, claimant)).toThrow('already');
  });

  it('goes back to where it was when the promoted version is taken back', () => {
    const promoted = promoteFact(served, claimant);
    expect(promoted).toEqual({ champion: 'v7', previous: 'v6', challenger: claimant });
    const demoted = demoteFact(served, claimant);
    expect(demoted).toEqual({ champion: 'v6', previous: 'v5', challenger: claimant });
    expect(unclaimFact({ ...demoted, generation: 7 })).toEqual({
      champion: 'v6',
      previous: 'v5',
      challenger: null,
    });
  });
});

describe('retrainVersion', () => {
  it('holds the time of the start to the second', () => {
    expect(retrainVersion('2026-11-24T13:00:05.123Z', 'run-1')).toMatch(
      /^r20261124-130005-[0-9a-f]{4}$/,
    );
  });

  it('differs for two firings within a second, and is the same for a replay', () => {
    const at = '2026-11-24T13:00:05.123Z';
    expect(retrainVersion(at, 'run-1')).not.toBe(retrainVersion(at, 'run-2'));
    expect(retrainVersion(at, 'run-1')).toBe(retrainVersion(at, 'run-1'));
  });

  it('is a version name that sorts by time', () => {
    const date = fc.date({
      min: new Date('2000-01-01'),
      max: new Date('2100-01-01'),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(date, date, fc.uuid(), (a, b, runId) => {
        const [versionA, versionB] = [a, b].map((time) =>
          retrainVersion(time.toISOString(), runId),
        );
        expect(versionA).toMatch(VERSION_PATTERN);
        if (Math.floor(a.getTime() / 1000) < Math.floor(b.getTime() / 1000)) {
          expect((versionA as string) < (versionB as string)).toBe(true);
        }
      }),
    );
  });
});
