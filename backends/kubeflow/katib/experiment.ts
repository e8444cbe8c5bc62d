import { LABELS, specLabel } from '../../../core/labels.ts';
import { OrreryError } from '../../../core/errors.ts';
import { gridSize, searchPoints } from '../../../core/tuning/points.ts';
import type {
  SearchAlgorithm,
  SearchParameter,
  TuningIntent,
  TuningSpec,
} from '../../../core/ports/tuning.ts';
import { isLabelValue } from '../../connections/kubernetes/objects.ts';
import type { TrainerSettings } from '../trainer/settings.ts';
import { PROGRAM_CONTAINER, trainJobOf } from '../trainer/train-job.ts';
import {
  experimentName,
  SEARCH_LABEL,
  type ExperimentParameter,
  type ExperimentSpec,
} from './objects.ts';

const ALGORITHMS: Readonly<Record<SearchAlgorithm, string>> = {
  grid: 'grid',
  random: 'random',
  bayesian: 'bayesianoptimization',
};
/** The trial parameter that stands for the trial's own name. */
const TRIAL_NAME = 'orreryTrial';
const placeholder = (name: string) => `\${trialParameters.${name}}`;
const PLACEHOLDER = '${trialParameters.';
/** Names that can stand in a placeholder. */
const NAME = /^[A-Za-z0-9_.-]{1,100}$/;
/** Values are put into JSON inside JSON by plain replacement of text, so they may not end a text. */
const VALUE = /^[^"\\${}\p{Cc}]*$/u;

/** Annotations of an Experiment: what labels cannot hold. */
export const NOTES = { timeoutSeconds: 'orrery-timeout-seconds' } as const;

/**
 * The Experiment of a search; each trial is the TrainJob that a job of the same spec would be.
 *
 * @throws OrreryError SPEC_REJECTED for names and values that Katib's template cannot carry, and
 * what `trainJobOf` throws
 */
export function experimentOf(
  intent: TuningIntent,
  namespace: string,
  trainer: TrainerSettings,
): object {
  const { key, specDigest, spec } = intent;
  const { model, version, workflowId } = spec.labels;
  assertCarried(spec);
  return {
    apiVersion: 'kubeflow.org/v1beta1',
    kind: 'Experiment',
    metadata: {
      name: experimentName(key),
      namespace,
      labels: {
        [LABELS.managed]: 'true',
        [LABELS.key]: key,
        [LABELS.spec]: specLabel(specDigest),
        ...(isLabelValue(model) ? { [LABELS.model]: model } : {}),
        ...(isLabelValue(version) ? { [LABELS.version]: version } : {}),
      },
      annotations: {
        [LABELS.model]: model,
        [LABELS.version]: version,
        [LABELS.workflowId]: workflowId,
        [NOTES.timeoutSeconds]: String(spec.timeoutSeconds),
      },
    },
    spec: specOf(intent, namespace, trainer),
  };
}

function specOf(intent: TuningIntent, namespace: string, trainer: TrainerSettings): ExperimentSpec {
  const { spec } = intent;
  const { objective, space, algorithm } = spec;
  // Katib refuses fewer trials than run at once or may fail, and has no end of a searched-through grid.
  const trials = algorithm === 'grid' ? Math.min(spec.trialsMax, gridSize(space)) : spec.trialsMax;
  return {
    objective: {
      type: objective.goal,
      objectiveMetricName: objective.metric,
      metricStrategies: [{ name: objective.metric, value: 'latest' }],
    },
    algorithm: {
      algorithmName: ALGORITHMS[algorithm],
      ...(algorithm === 'grid'
        ? {}
        : { algorithmSettings: [{ name: 'random_state', value: String(spec.seed) }] }),
    },
    ...(spec.earlyStopping === 'none' ? {} : { earlyStopping: { algorithmName: 'medianstop' } }),
    parallelTrialCount: Math.min(spec.parallelMax, trials),
    maxTrialCount: trials,
    maxFailedTrialCount: Math.min(spec.failedMax, trials),
    resumePolicy: 'Never',
    parameters: space.map((parameter) => parameterOf(parameter, algorithm)),
    metricsCollectorSpec: { collector: { kind: 'StdOut' } },
    trialTemplate: {
      primaryContainerName: PROGRAM_CONTAINER,
      successCondition: 'status.conditions.#(type=="Complete")#|#(status=="True")#',
      failureCondition: 'status.conditions.#(type=="Failed")#|#(status=="True")#',
      trialParameters: [
        ...space.map(({ name }) => ({ name, description: name, reference: name })),
        { name: TRIAL_NAME, description: 'name of the trial', reference: '${trialSpec.Name}' },
      ],
      trialSpec: trialSpecOf(intent, namespace, trainer),
    },
  };
}

/** A grid is told as its points, because Katib's `step` knows no logarithms. */
function parameterOf(parameter: SearchParameter, algorithm: SearchAlgorithm): ExperimentParameter {
  const { name } = parameter;
  if (parameter.type === 'categorical') {
    return { name, parameterType: 'categorical', feasibleSpace: { list: parameter.values } };
  }
  if (algorithm === 'grid') {
    const axis = { space: [parameter], algorithm, trialsMax: parameter.gridPoints, seed: 0 };
    const list = searchPoints(axis).map((point) => String(point[name]));
    return { name, parameterType: 'discrete', feasibleSpace: { list } };
  }
  const { type, min, max, scale } = parameter;
  const distribution = scale === 'log' ? ({ distribution: 'logUniform' } as const) : {};
  return {
    name,
    parameterType: type === 'integer' ? 'int' : 'double',
    feasibleSpace: { min: String(min), max: String(max), ...distribution },
  };
}

interface TrainJobManifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly spec: {
    readonly trainer: {
      readonly env: readonly { readonly name: string; readonly value: string }[];
    };
  };
}

/** The TrainJob of a job whose key is the trial's name and whose values are still to be put in. */
function trialSpecOf(
  { key, specDigest, spec }: TuningIntent,
  namespace: string,
  trainer: TrainerSettings,
): object {
  const values = Object.fromEntries(spec.space.map(({ name }) => [name, placeholder(name)]));
  const job = trainJobOf(
    {
      key: placeholder(TRIAL_NAME),
      specDigest,
      spec: {
        ...spec.trial,
        checkpointScope: null,
        labels: spec.labels,
        params: { ...spec.trial.params, ...values },
      },
    },
    namespace,
    trainer,
  ) as TrainJobManifest;
  const numbers = spec.space.filter(({ type }) => type !== 'categorical');
  // A number stands in its JSON without quotes.
  const withNumbers = (text: string) =>
    numbers.reduce(
      (told, { name }) => told.replaceAll(`"${placeholder(name)}"`, placeholder(name)),
      text,
    );
  const env = job.spec.trainer.env.map(({ name, value }) => ({
    name,
    value: name === 'ORRERY_PARAMS_JSON' ? withNumbers(value) : value,
  }));
  return {
    apiVersion: job.apiVersion,
    kind: job.kind,
    metadata: {
      labels: { [SEARCH_LABEL]: experimentName(key) },
      annotations: { [LABELS.workflowId]: spec.labels.workflowId },
    },
    spec: { ...job.spec, trainer: { ...job.spec.trainer, env } },
  };
}

function assertCarried(spec: TuningSpec): void {
  const faults = [
    ...spec.space.map(({ name }) => (NAME.test(name) ? '' : `a parameter named "${name}"`)),
    ...spec.space.flatMap((parameter) =>
      parameter.type === 'categorical'
        ? parameter.values.map((value) => (VALUE.test(value) ? '' : `the value "${value}"`))
        : [],
    ),
    JSON.stringify(spec.trial).includes(PLACEHOLDER) ? `"${PLACEHOLDER}…" in the trial` : '',
  ].filter((fault) => fault !== '');
  if (faults.length === 0) return;
  throw new OrreryError(
    'SPEC_REJECTED',
    `Cannot search with Katib: its template cannot carry ${faults.join(', ')}; ` +
      'names are letters, digits and _.-, values have no quotes, backslashes, $, braces or control characters',
  );
}
