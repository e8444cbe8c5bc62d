import type { ParameterRanges } from '@aws-sdk/client-sagemaker';
import { searchPoints } from '../../core/tuning/points.ts';
import { OrreryError } from '../../core/errors.ts';
import type { SearchParameter, TuningSpec } from '../../core/ports/tuning.ts';

const SCALES = { linear: 'Linear', log: 'Logarithmic' } as const;
/** Most values of one categorical parameter (CategoricalParameterRange → Values). */
const VALUES_MAX = 30;

/**
 * The search space as SageMaker takes it. Its grid knows categorical parameters alone, so for a grid
 * the points of numeric parameters become values.
 *
 * @throws OrreryError SPEC_REJECTED for a grid with more than 30 values on one parameter
 */
export function rangesOf({ space, algorithm }: TuningSpec): ParameterRanges {
  const categorical = space.flatMap((parameter) =>
    algorithm === 'grid' || parameter.type === 'categorical'
      ? [{ Name: parameter.name, Values: valuesOf(parameter) }]
      : [],
  );
  const numeric = algorithm === 'grid' ? [] : space;
  return {
    CategoricalParameterRanges: categorical,
    ContinuousParameterRanges: numeric.flatMap((parameter) =>
      parameter.type === 'double' ? [rangeOf(parameter)] : [],
    ),
    IntegerParameterRanges: numeric.flatMap((parameter) =>
      parameter.type === 'integer' ? [rangeOf(parameter)] : [],
    ),
  };
}

function rangeOf({ name, min, max, scale }: Extract<SearchParameter, { min: number }>) {
  return {
    Name: name,
    MinValue: String(min),
    MaxValue: String(max),
    ScalingType: SCALES[scale],
  };
}

function valuesOf(parameter: SearchParameter): string[] {
  const space = [parameter];
  const trialsMax =
    parameter.type === 'categorical' ? parameter.values.length : parameter.gridPoints;
  const points = searchPoints({ space, algorithm: 'grid', trialsMax, seed: 0 });
  const values = points.map((point) => String(point[parameter.name]));
  if (values.length <= VALUES_MAX) return values;
  throw new OrreryError(
    'SPEC_REJECTED',
    `Cannot put ${values.length} values on "${parameter.name}": SageMaker takes ${VALUES_MAX} at most`,
  );
}
