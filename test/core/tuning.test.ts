import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { SearchParameter, TuningObjective } from '../../core/ports/tuning.ts';
import { bestTrial } from '../../core/tuning/best.ts';
import {
  addToCurve,
  CURVE_POINTS_MAX,
  medianAt,
  medianVerdict,
  nextDecision,
} from '../../core/tuning/median.ts';
import type { Curve } from '../../core/tuning/median.ts';
import { parseMetrics } from '../../core/tuning/metrics.ts';
import { gridSize, searchPoints } from '../../core/tuning/points.ts';
import { nextTrials } from '../../core/tuning/search.ts';

const MAXIMIZE: TuningObjective = { metric: 'score', goal: 'maximize' };
const MINIMIZE: TuningObjective = { metric: 'loss', goal: 'minimize' };

const RATE: SearchParameter = {
  name: 'rate',
  type: 'double',
  min: 0.001,
  max: 1,
  scale: 'log',
  gridPoints: 4,
};
const DEPTH: SearchParameter = {
  name: 'depth',
  type: 'integer',
  min: 2,
  max: 4,
  scale: 'linear',
  gridPoints: 9,
};
const KIND: SearchParameter = { name: 'kind', type: 'categorical', values: ['a', 'b'] };

const parameter: fc.Arbitrary<SearchParameter> = fc.oneof(
  fc
    .record({
      min: fc.double({ min: 0.001, max: 100, noNaN: true }),
      factor: fc.double({ min: 1.1, max: 1000, noNaN: true }),
      scale: fc.constantFrom('linear' as const, 'log' as const),
      gridPoints: fc.integer({ min: 2, max: 5 }),
    })
    .map(({ min, factor, ...rest }) => ({
      name: 'x',
      type: 'double' as const,
      min,
      max: min * factor,
      ...rest,
    })),
  fc
    .record({
      min: fc.integer({ min: 1, max: 50 }),
      width: fc.integer({ min: 1, max: 50 }),
      scale: fc.constantFrom('linear' as const, 'log' as const),
      gridPoints: fc.integer({ min: 2, max: 5 }),
    })
    .map(({ min, width, ...rest }) => ({
      name: 'x',
      type: 'integer' as const,
      min,
      max: min + width,
      ...rest,
    })),
  fc
    .uniqueArray(fc.string({ minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 4 })
    .map((values) => ({ name: 'x', type: 'categorical' as const, values })),
);
const space = fc
  .array(parameter, { minLength: 1, maxLength: 3 })
  .map((parameters) => parameters.map((each, at) => ({ ...each, name: `x${at}` })));

describe('searchPoints', () => {
  it('puts a grid evenly on each scale, the last parameter changing first', () => {
    const search = { space: [RATE, KIND], algorithm: 'grid', trialsMax: 100, seed: 1 } as const;
    expect(searchPoints(search)).toEqual(
      [0.001, 0.01, 0.1, 1].flatMap((rate) => ['a', 'b'].map((kind) => ({ rate, kind }))),
    );
    expect(gridSize([RATE, KIND, DEPTH])).toBe(4 * 2 * 3);
  });

  it('tries no whole number twice, though the grid wants more points than there are', () => {
    const search = { space: [DEPTH], algorithm: 'grid', trialsMax: 9, seed: 1 } as const;
    expect(searchPoints(search)).toEqual([{ depth: 2 }, { depth: 3 }, { depth: 4 }]);
  });

  it('draws the same points for the same seed and others for another', () => {
    const search = { space: [RATE, DEPTH], algorithm: 'random', trialsMax: 5 } as const;
    expect(searchPoints({ ...search, seed: 7 })).toEqual(searchPoints({ ...search, seed: 7 }));
    expect(searchPoints({ ...search, seed: 7 })).not.toEqual(searchPoints({ ...search, seed: 8 }));
  });

  it('draws about as many points below as above the middle of a logarithmic scale', () => {
    const points = searchPoints({ space: [RATE], algorithm: 'random', trialsMax: 400, seed: 3 });
    const below = points.filter(({ rate }) => (rate as number) < Math.sqrt(0.001)).length;
    // Binomial(400, ½) has a standard deviation of 10; five of them.
    expect(Math.abs(below - 200)).toBeLessThan(50);
  });

  it('ends a random search that has drawn every point of a small space', () => {
    const search = { space: [KIND, DEPTH], algorithm: 'random', trialsMax: 50, seed: 2 } as const;
    expect(searchPoints(search)).toHaveLength(6);
  });

  it('stays within the bounds, repeats nothing and keeps to trialsMax, whatever the space', () => {
    fc.assert(
      fc.property(
        space,
        fc.constantFrom('grid' as const, 'random' as const),
        fc.integer({ min: 1, max: 30 }),
        fc.nat(1000),
        (parameters, algorithm, trialsMax, seed) => {
          const points = searchPoints({ space: parameters, algorithm, trialsMax, seed });
          expect(points.length).toBeLessThanOrEqual(trialsMax);
          expect(points.length).toBeGreaterThan(0);
          expect(new Set(points.map((point) => JSON.stringify(point))).size).toBe(points.length);
          for (const point of points)
            for (const each of parameters) {
              const value = point[each.name];
              if (each.type === 'categorical') expect(each.values).toContain(value);
              else {
                expect(value).toBeGreaterThanOrEqual(each.min);
                expect(value).toBeLessThanOrEqual(each.max);
                if (each.type === 'integer') expect(Number.isInteger(value)).toBe(true);
              }
            }
        },
      ),
    );
  });
});

describe('nextTrials', () => {
  const trials = (text: string) =>
    text.split('').map((letter) => ({
      phase: { r: 'running', s: 'succeeded', f: 'failed', x: 'stopped' }[letter] ?? '',
      reason: 'exit code 1',
    }));
  it.each([
    ['', 'start 2'],
    ['r', 'start 1'],
    ['rr', 'wait'],
    ['sr', 'start 1'],
    ['sxr', 'start 1'],
    ['ffr', 'fail'],
    ['fsss', 'start 1'],
    ['ssssr', 'wait'],
    ['sssxs', 'end'],
    ['fssxs', 'end'],
  ])('after %s of five points, two at once, is %s', (seen, expected) => {
    const move = nextTrials({ parallelMax: 2, failedMax: 1 }, 5, trials(seen));
    expect(move.kind === 'start' ? `start ${move.count}` : move.kind).toBe(expected);
  });

  it('ends every search and never has more than parallelMax trials, whatever they come to', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 0, max: 5 }),
        fc.integer({ min: 1, max: 20 }),
        fc.infiniteStream(fc.constantFrom('succeeded', 'failed', 'stopped')),
        fc.infiniteStream(fc.nat(100)),
        (parallelMax, failedMax, points, ends, picks) => {
          const seen: { phase: string; reason: string }[] = [];
          for (let steps = 0; ; steps += 1) {
            expect(steps).toBeLessThan(100);
            const move = nextTrials({ parallelMax, failedMax }, points, seen);
            if (move.kind === 'end') expect(seen).toHaveLength(points);
            if (move.kind === 'end' || move.kind === 'fail') break;
            if (move.kind === 'start')
              for (let count = 0; count < move.count; count += 1)
                seen.push({ phase: 'running', reason: '' });
            const running = seen.filter(({ phase }) => phase === 'running');
            expect(running.length).toBeLessThanOrEqual(parallelMax);
            expect(running.length).toBeGreaterThan(0);
            running[picks.next().value % running.length]!.phase = ends.next().value;
          }
        },
      ),
    );
  });
});

describe('bestTrial', () => {
  const trial = (name: string, phase: string, value: number | null) => ({ name, phase, value });
  it.each([
    ['maximize', 'c'],
    ['minimize', 'b'],
  ] as const)('takes the first of equal values to %s, and none that failed', (goal, name) => {
    const trials = [
      trial('a', 'failed', 9),
      trial('b', 'succeeded', 1),
      trial('c', 'stopped', 3),
      trial('d', 'succeeded', 3),
      trial('e', 'succeeded', 1),
      trial('f', 'running', 0),
      trial('g', 'succeeded', null),
    ];
    expect(bestTrial(trials, { metric: 'm', goal })?.name).toBe(name);
  });

  it('is null while no trial has a value', () => {
    expect(bestTrial([trial('a', 'succeeded', null)], MAXIMIZE)).toBeNull();
  });
});

/** A curve of values at the steps 1, 2, … */
const curveOf = (values: readonly number[], objective = MAXIMIZE): Curve =>
  values.reduce<Curve>((curve, value, at) => addToCurve(curve, at + 1, value, objective), []);

describe('The median stopping rule', () => {
  it('keeps the value, the best and the running average of each step', () => {
    expect(curveOf([1, 4, 1]).map(({ value, best, mean }) => [value, best, mean])).toEqual([
      [1, 1, 1],
      [4, 4, 2.5],
      [1, 4, 2],
    ]);
    expect(curveOf([4, 1, 7], MINIMIZE).map(({ best }) => best)).toEqual([4, 1, 1]);
    const once = curveOf([1, 2]);
    expect(addToCurve(once, 2, 99, MAXIMIZE)).toBe(once);
  });

  it('has no median before three trials have completed', () => {
    const completed = [curveOf([1]), curveOf([2])];
    expect(medianAt(completed, 1)).toBeNull();
    expect(medianAt([...completed, curveOf([9])], 1)).toBe(2);
    expect(medianAt([...completed, curveOf([9]), curveOf([4])], 1)).toBe(3);
  });

  it('compares with what the others had told by the same step', () => {
    const completed = [curveOf([1, 9]), curveOf([2, 9]), curveOf([3, 9])];
    expect(medianAt(completed, 1)).toBe(2);
    expect(medianAt(completed, 2)).toBe(5.5);
    expect(medianAt(completed, 7)).toBe(5.5);
    expect(medianAt(completed, 0)).toBeNull();
  });

  it.each([
    ['worse', MAXIMIZE, [1, 1], true],
    ['as good', MAXIMIZE, [2, 1], false],
    ['better', MAXIMIZE, [1, 3], false],
    ['worse', MINIMIZE, [3, 3], true],
    ['as good', MINIMIZE, [3, 2], false],
    ['better', MINIMIZE, [1, 9], false],
  ] as const)('for a trial that is %s to %s', (_, objective, values, stops) => {
    const completed = [curveOf([2, 2]), curveOf([2, 2]), curveOf([2, 2])];
    const verdict = medianVerdict(curveOf(values, objective), completed, objective);
    expect(verdict !== null).toBe(stops);
    if (verdict !== null) expect(verdict).toContain('is worse than the median 2 of 3 trials');
  });

  it('says nothing of a trial that has told nothing', () => {
    expect(medianVerdict([], [curveOf([2])], MAXIMIZE)).toBeNull();
  });

  it('keeps long curves short, with their last point and their exact averages', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 500 }),
        (values) => {
          const curve = curveOf(values);
          expect(curve.length).toBeLessThanOrEqual(CURVE_POINTS_MAX);
          const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
          expect(curve.at(-1)?.step).toBe(values.length);
          expect(curve.at(-1)?.mean).toBeCloseTo(mean, 9);
          expect(curve.at(-1)?.best).toBe(Math.max(...values));
        },
      ),
    );
  });

  it('is asked at a quarter, a half and three quarters', () => {
    expect([0, 0.25, 0.3, 0.5, 0.75, 1].map(nextDecision)).toEqual([
      0.25,
      0.5,
      0.5,
      0.75,
      null,
      null,
    ]);
  });
});

describe('parseMetrics', () => {
  it('reads an object of numbers', () => {
    expect(parseMetrics('{"score": 0.9, "loss": 1e-3}')).toEqual({ score: 0.9, loss: 0.001 });
  });
  it.each(['', '[1]', '"x"', 'null', '{"score": "0.9"}', '{"score": 1e999}'])(
    'refuses %s',
    (text) => {
      expect(() => parseMetrics(text)).toThrow('Cannot read metrics.json');
    },
  );
});
