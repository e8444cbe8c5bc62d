import type {
  CreateHyperParameterTuningJobRequest,
  HyperParameterTrainingJobDefinition,
} from '@aws-sdk/client-sagemaker';
import type { TuningIntent, TuningSpec } from '../../core/ports/tuning.ts';
import { gridSize } from '../../core/tuning/points.ts';
import { OrreryError } from '../../core/errors.ts';
import type { FarSide } from './far-side.ts';
import { outputPath } from './job-files.ts';
import type { ResolvedProgram } from './job-files.ts';
import { jobScript, quoted, TRAINING_FOLDERS } from './job-script.ts';
import { workTags } from './tags.ts';
import { channels, resourceConfig, stoppingCondition, vpcConfig } from './training-jobs.ts';
import { rangesOf } from './tuning-space.ts';

const STRATEGIES = { grid: 'Grid', random: 'Random', bayesian: 'Bayesian' } as const;
const GOALS = { minimize: 'Minimize', maximize: 'Maximize' } as const;
/** Static parameter with the words of the command, for whoever looks at a trial. */
const COMMAND_PARAMETER = 'orrery-command';
/** Static parameter with the names of those parameters of the space that are numbers. */
export const NUMBERS_PARAMETER = 'orrery-numbers';

/** The whole request. @throws OrreryError SPEC_REJECTED */
export function tuningRequest(
  far: FarSide,
  intent: TuningIntent,
  program: ResolvedProgram,
  name: string,
): CreateHyperParameterTuningJobRequest {
  const { spec } = intent;
  const { metric, goal } = spec.objective;
  return {
    HyperParameterTuningJobName: name,
    HyperParameterTuningJobConfig: {
      Strategy: STRATEGIES[spec.algorithm],
      HyperParameterTuningJobObjective: { Type: GOALS[goal], MetricName: metric },
      ResourceLimits: {
        MaxNumberOfTrainingJobs: trialsOf(spec),
        MaxParallelTrainingJobs: spec.parallelMax,
        MaxRuntimeInSeconds: spec.timeoutSeconds,
      },
      ParameterRanges: rangesOf(spec),
      TrainingJobEarlyStoppingType: spec.earlyStopping === 'median' ? 'Auto' : 'Off',
      RandomSeed: spec.seed,
    },
    TrainingJobDefinition: trialDefinition(far, intent, program),
    Tags: workTags({ ...intent, labels: spec.labels }),
  };
}

/** A grid is tried whole (ResourceLimits → MaxNumberOfTrainingJobs). */
function trialsOf({ algorithm, space, trialsMax }: TuningSpec): number {
  if (algorithm !== 'grid') return trialsMax;
  const size = gridSize(space);
  if (size <= trialsMax) return size;
  throw new OrreryError(
    'SPEC_REJECTED',
    `Cannot search a grid of ${size} points in ${trialsMax} trials: SageMaker tries a grid whole; wanted as many trials, or the algorithm "random"`,
  );
}

function trialDefinition(
  far: FarSide,
  { key, spec }: TuningIntent,
  program: ResolvedProgram,
): HyperParameterTrainingJobDefinition {
  const { settings } = far;
  const { trial, objective } = spec;
  const statics = Object.entries(trial.params).map(([name, value]) => [name, String(value)]);
  return {
    StaticHyperParameters: {
      ...(Object.fromEntries(statics) as Record<string, string>),
      [COMMAND_PARAMETER]: JSON.stringify(program.command),
      [NUMBERS_PARAMETER]: JSON.stringify(numbersOf(spec)),
    },
    AlgorithmSpecification: {
      TrainingImage: program.image,
      TrainingInputMode: 'File',
      MetricDefinitions: [{ Name: objective.metric, Regex: metricPattern(objective.metric) }],
    },
    RoleArn: settings.roleArn,
    InputDataConfig: channels(far, key, trial.inputs),
    OutputDataConfig: { S3OutputPath: outputPath(far), CompressionType: 'NONE' },
    ResourceConfig: resourceConfig(settings, trial.resources),
    StoppingCondition: stoppingCondition(settings, trial.timeoutSeconds),
    EnableManagedSpotTraining: settings.spot !== undefined,
    ...(settings.network === undefined ? {} : { VpcConfig: vpcConfig(settings.network) }),
    Environment: { ORRERY_OUTPUTS_JSON: JSON.stringify(trial.outputs) },
  };
}

function numbersOf({ space }: TuningSpec): readonly string[] {
  return space.filter(({ type }) => type !== 'categorical').map(({ name }) => name);
}

/** The number of a metric in what our script prints of progress and manifest. */
function metricPattern(metric: string): string {
  const name = metric.replaceAll(/[^A-Za-z0-9_ -]/g, '.');
  return `"${name}": ?([-+0-9.eE]+)`;
}

/** The script of every trial: the command stands in it, since a search passes no arguments. */
export function trialScript(
  far: FarSide,
  { key, spec }: TuningIntent,
  program: ResolvedProgram,
): string {
  const plain = Object.entries(spec.trial.params)
    .filter(([, value]) => typeof value !== 'string')
    .map(([name]) => name);
  const script = jobScript({
    key,
    spec: spec.trial,
    folders: { ...TRAINING_FOLDERS, checkpoints: null },
    outputUri: `${outputPath(far)}/$TRAINING_JOB_NAME/output/model`,
    checkpointUri: null,
    tuned: [...numbersOf(spec), ...plain],
  });
  const words = program.command.map(quoted).join(' ');
  return script.replace('set -u\n', () => `set -u\nset -- ${words}\n`);
}
