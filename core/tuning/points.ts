import { digestOf } from '../canonical.ts';
import type { SearchParameter, TuningSpec } from '../ports/tuning.ts';

/** Parameter → value: one place in the search space. */
export type Point = Readonly<Record<string, string | number>>;
type Space = readonly SearchParameter[];

/** Draws in a row that may repeat a point before a space counts as searched through. */
const REPEATS_MAX = 100;
/** 48 bits of a digest: exact in a double. */
const DRAW_DIGITS = 12;
const SIGNIFICANT_DIGITS = 12;

/** How many points the whole grid has. */
export function gridSize(space: Space): number {
  return space.reduce((size, parameter) => size * gridValues(parameter).length, 1);
}

/**
 * The points of a search in the order in which they are tried, at most `trialsMax`. The same spec
 * gives the same points on every machine: each draw is a function of seed, index and name.
 *
 * `grid`: every combination, the last parameter changing first. `random`: independent draws,
 * uniform on the parameter's scale, no point twice; fewer than `trialsMax` when the space has fewer.
 */
export function searchPoints(
  search: Pick<TuningSpec, 'space' | 'algorithm' | 'trialsMax' | 'seed'>,
): readonly Point[] {
  return search.algorithm === 'grid' ? gridPoints(search) : randomPoints(search);
}

function gridPoints({ space, trialsMax }: { space: Space; trialsMax: number }): readonly Point[] {
  const axes = space.map((parameter) => ({ name: parameter.name, values: gridValues(parameter) }));
  const count = Math.min(gridSize(space), trialsMax);
  return Array.from({ length: count }, (_, index) => {
    let rest = index;
    const chosen = axes.toReversed().map(({ name, values }) => {
      const value = values[rest % values.length] as string | number;
      rest = Math.floor(rest / values.length);
      return [name, value] as const;
    });
    return Object.fromEntries(chosen.toReversed());
  });
}

function randomPoints({
  space,
  trialsMax,
  seed,
}: Pick<TuningSpec, 'space' | 'trialsMax' | 'seed'>): readonly Point[] {
  const points: Point[] = [];
  const known = new Set<string>();
  for (let index = 0, repeats = 0; points.length < trialsMax && repeats < REPEATS_MAX; index += 1) {
    const point = randomPoint(space, seed, index);
    const digest = digestOf(point);
    repeats = known.has(digest) ? repeats + 1 : 0;
    if (known.has(digest)) continue;
    known.add(digest);
    points.push(point);
  }
  return points;
}

function randomPoint(space: Space, seed: number, index: number): Point {
  return Object.fromEntries(
    space.map((parameter) => {
      const digits = digestOf([seed, index, parameter.name]).slice(0, DRAW_DIGITS);
      const draw = Number.parseInt(digits, 16) / 16 ** DRAW_DIGITS;
      return [parameter.name, valueAt(parameter, draw)];
    }),
  );
}

/** The value at a share 0 ≤ share < 1 of the parameter's range. Whole numbers are equally likely. */
function valueAt(parameter: SearchParameter, share: number): string | number {
  if (parameter.type === 'categorical') {
    return parameter.values[Math.floor(share * parameter.values.length)] as string;
  }
  const { type, min, max, scale } = parameter;
  if (type === 'double') return rounded(onScale(min, max, scale, share), min, max);
  if (scale === 'linear') return min + Math.floor(share * (max - min + 1));
  // Each whole number gets the part of the scale from half below it to half above it.
  const value = Math.round(onScale(min - 0.5, max + 0.5, scale, share));
  return Math.min(max, Math.max(min, value));
}

/** The values that a grid puts on a parameter: evenly on its scale, ends included, none twice. */
function gridValues(parameter: SearchParameter): readonly (string | number)[] {
  if (parameter.type === 'categorical') return parameter.values;
  const { type, min, max, scale, gridPoints: count } = parameter;
  const values = Array.from({ length: count }, (_, at) => {
    const value = onScale(min, max, scale, at / (count - 1));
    return type === 'integer'
      ? Math.min(max, Math.max(min, Math.round(value)))
      : rounded(value, min, max);
  });
  return [...new Set(values)];
}

function onScale(min: number, max: number, scale: 'linear' | 'log', share: number): number {
  return scale === 'linear' ? min + share * (max - min) : min * (max / min) ** share;
}

/** Without the last digits, which powers leave different on different machines. */
function rounded(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, Number(value.toPrecision(SIGNIFICANT_DIGITS))));
}
