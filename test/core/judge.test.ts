import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ArmCounts, Tick } from '../../core/rollout/counts.ts';
import {
  addTick,
  judge,
  JUDGE_POLICY_DEFAULT,
  logEvidence,
  newJudge,
  nextStep,
} from '../../core/rollout/judge.ts';
import type { JudgePolicy, JudgeState } from '../../core/rollout/judge.ts';

const POLICY = JUDGE_POLICY_DEFAULT;

const counts = (requests: number, errors = 0, slow = 0): ArmCounts => ({ requests, errors, slow });
const tick = (canary: ArmCounts, stable: ArmCounts | null, seconds = 1): Tick => ({
  seconds,
  canary,
  stable,
});
const after = (ticks: readonly Tick[], policy: JudgePolicy = POLICY): JudgeState =>
  ticks.reduce((state, next) => addTick(state, next, policy), newJudge(policy));
const times = (count: number, one: Tick): Tick[] => Array.from({ length: count }, () => one);
const verdict = (ticks: readonly Tick[], policy: JudgePolicy = POLICY): string =>
  judge(after(ticks, policy), policy).kind;

const HEALTHY = tick(counts(20, 0, 0), counts(80, 0, 0));

describe('judge', () => {
  it.each([
    ['nothing was seen', [], 'hold'],
    ['there were requests for too short a time', times(2, HEALTHY), 'hold'],
    ['there was time with too few requests', times(60, tick(counts(0), counts(100))), 'hold'],
    ['there were requests and time without harm', times(3, HEALTHY), 'advance'],
    ['both arms fail alike', times(60, tick(counts(20, 2), counts(80, 8))), 'advance'],
    ['both arms break the objective', times(60, tick(counts(20, 9), counts(80, 36))), 'advance'],
    ['the canary fails less', times(60, tick(counts(20, 0), counts(80, 3))), 'advance'],
    ['the canary fails more', times(10, tick(counts(20, 8), counts(80, 1))), 'condemn'],
    ['the canary is slower', times(10, tick(counts(20, 0, 8), counts(80, 0, 1))), 'condemn'],
    ['the canary alone breaks the objective', times(10, tick(counts(20, 8), null)), 'condemn'],
    ['the canary alone keeps the objective', times(60, tick(counts(20, 1), null)), 'advance'],
    [
      'slow answers have nothing to compare with',
      times(60, tick(counts(20, 0, 9), null)),
      'advance',
    ],
    ['no decision comes for too long', times(3, tick(counts(0), counts(9), 300)), 'undecided'],
  ] as const)('when %s', (_, ticks, kind) => {
    expect(verdict(ticks)).toBe(kind);
  });

  it('says that there is no evidence when a step that wants no requests saw none', () => {
    const policy = { ...POLICY, requestsMin: 0, secondsMin: 5 };
    const { kind, reasons } = judge(after(times(5, tick(counts(0), null)), policy), policy);
    expect(kind).toBe('advance');
    expect(reasons).toEqual(['no requests in 5 s, so no evidence either way']);
  });

  it('takes exactly the minima of requests and seconds, and no less', () => {
    const policy = { ...POLICY, requestsMin: 60, secondsMin: 3 };
    expect(verdict([tick(counts(60), counts(60), 3)], policy)).toBe('advance');
    expect(verdict([tick(counts(59), counts(60), 3)], policy)).toBe('hold');
    expect(verdict([tick(counts(60), counts(60), 2.9)], policy)).toBe('hold');
  });

  it('asks a human at exactly undecidedSecondsMax', () => {
    const wait = (seconds: number): string => verdict([tick(counts(1), counts(9), seconds)]);
    expect(wait(POLICY.undecidedSecondsMax)).toBe('undecided');
    expect(wait(POLICY.undecidedSecondsMax - 1)).toBe('hold');
  });

  it('holds in doubt although requests and time suffice, and says why', () => {
    const doubt = after([...times(60, HEALTHY), ...times(2, tick(counts(20, 4), counts(80)))]);
    const { kind, reasons } = judge(doubt, POLICY);
    expect(kind).toBe('hold');
    expect(reasons[1]).toMatch(
      /^errors: canary 8 of 1240, stable 0 of 4960 at the same time; log e-value/,
    );
    const cleared = times(200, tick(counts(20), counts(80, 1))).reduce(
      (state, next) => addTick(state, next, POLICY),
      doubt,
    );
    expect(judge(cleared, POLICY).kind).toBe('advance');
  });

  it('names every sign of harm with its counts and bound', () => {
    const compared = times(10, tick(counts(20, 8, 8), counts(80, 1, 1)));
    const alone = times(10, tick(counts(20, 8, 8), null));
    const { reasons } = judge(
      alone.reduce((state, next) => addTick(state, next, POLICY), nextStep(after(compared))),
      POLICY,
    );
    expect(reasons).toHaveLength(3);
    expect(reasons[0]).toMatch(/^errors: canary 160 of 400, stable 10 of 800 .* ≥ 8\.0 /);
    expect(reasons[1]).toMatch(/^slow: canary 160 of 400/);
    expect(reasons[2]).toContain('errors: 80 of 200 in this step break the objective of 5 %');
  });

  it('says on what it lets the canary advance', () => {
    expect(judge(after(times(3, HEALTHY)), POLICY).reasons).toEqual([
      'no harm in 60 requests and 3 s (errors 0 of 60 against 0 of 240, slower than 250 ms 0 of 60 against 0 of 240)',
    ]);
  });

  it('has no floor when the objective allows every error', () => {
    const policy = { ...POLICY, errorShareMax: 1 };
    expect(verdict(times(60, tick(counts(20, 20), null)), policy)).toBe('advance');
  });

  it('measures the floor against at most halfway between the objective and 1', () => {
    const policy = { ...POLICY, errorShareMax: 0.8 };
    expect(verdict(times(60, tick(counts(20, 20), null)), policy)).toBe('condemn');
    expect(verdict(times(60, tick(counts(20, 16), null)), policy)).toBe('advance');
  });

  it('condemns after more than ticksMin ticks, however bad each is', () => {
    const bad = tick(counts(10_000, 10_000, 10_000), counts(10_000));
    for (const ticksMin of [1, 3, 10]) {
      const policy = { ...POLICY, ticksMin };
      expect(verdict(times(ticksMin, bad), policy)).not.toBe('condemn');
      expect(verdict(times(ticksMin + 3, bad), policy)).toBe('condemn');
    }
  });

  it('condemns a harm that begins after a long healthy time, and at the start of a late step', () => {
    const past = times(3000, tick(counts(50, 1), counts(50, 1)));
    const bad = times(60, tick(counts(50, 15), counts(50, 1)));
    expect(verdict([...past, ...bad])).toBe('condemn');
    const inLateStep = bad
      .slice(0, 15)
      .reduce((state, next) => addTick(state, next, POLICY), nextStep(after(past)));
    expect(judge(inLateStep, POLICY).kind).toBe('condemn');
  });

  it('has the objective broken after a long healthy time, with nothing to compare with', () => {
    const past = times(3000, tick(counts(50, 1), null));
    expect(verdict([...past, ...times(60, tick(counts(50, 15), null))])).toBe('condemn');
  });
});

describe('the state of the judge', () => {
  const arm = fc
    .tuple(fc.nat(200), fc.nat(200), fc.nat(200))
    .map(([requests, errors, slow]) =>
      counts(requests, Math.min(errors, requests), Math.min(slow, requests)),
    );
  const anyTick = fc.record({
    seconds: fc.integer({ min: 1, max: 10 }),
    canary: arm,
    stable: fc.option(arm),
  });
  const anyTicks = fc.array(anyTick, { maxLength: 40 });

  it('is plain JSON with finite numbers, whatever was counted', () => {
    fc.assert(
      fc.property(anyTicks, (ticks) => {
        const state = nextStep(after(ticks));
        expect(JSON.parse(JSON.stringify(state))).toEqual(state);
        expect(JSON.stringify(state)).not.toContain('null');
      }),
    );
  });

  it('does not depend on where a watcher was interrupted', () => {
    fc.assert(
      fc.property(anyTicks, fc.nat(40), (ticks, cut) => {
        const half: JudgeState = JSON.parse(
          JSON.stringify(after(ticks.slice(0, cut))),
        ) as JudgeState;
        const resumed = ticks
          .slice(cut)
          .reduce((state, next) => addTick(state, next, POLICY), half);
        expect(resumed).toEqual(after(ticks));
      }),
    );
  });

  it('counts less against a canary with one error less', () => {
    fc.assert(
      fc.property(anyTicks, anyTick, (ticks, last) => {
        fc.pre(last.canary.errors > 0);
        const better = { ...last, canary: { ...last.canary, errors: last.canary.errors - 1 } };
        const [worse, less] = [after([...ticks, last]), after([...ticks, better])];
        expect(logEvidence(less, 'errors')).toBeLessThanOrEqual(
          logEvidence(worse, 'errors') + 1e-9,
        );
        expect(less.floorEvidence).toBeLessThanOrEqual(worse.floorEvidence + 1e-9);
      }),
    );
  });

  it('takes no evidence from ticks without requests of the canary', () => {
    const state = after(times(3, HEALTHY));
    const idle = addTick(state, tick(counts(0), counts(80, 80, 80)), POLICY);
    expect([idle.evidence, idle.floorEvidence, idle.ticks]).toEqual([
      state.evidence,
      state.floorEvidence,
      3,
    ]);
    expect(idle.step.seconds).toBe(4);
  });

  it('keeps the counts of the rollout and starts those of a step anew', () => {
    const state = nextStep(after(times(3, tick(counts(20, 1, 2), counts(80, 3, 4)))));
    expect(state.canary).toEqual(counts(60, 3, 6));
    expect(state.stable).toEqual(counts(240, 9, 12));
    expect(state.step).toEqual({ seconds: 0, canary: counts(0), stable: counts(0) });
  });
});
