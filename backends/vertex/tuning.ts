import type { JobPhase } from '../../core/ports/compute.ts';
import type {
  SearchParameter,
  TrialReading,
  Tuning,
  TuningHandle,
  TuningIntent,
  TuningReading,
  TuningSpec,
} from '../../core/ports/tuning.ts';
import { workLabels } from '../connections/google/labels.ts';
import { isTerminal, revisionFor, stopAndRead } from '../connections/polling.ts';
import type { VertexApi } from './calls.ts';
import { cancelByLabel, readByLabel, startByLabel } from './by-label.ts';
import { jobSpecFor } from './job-spec.ts';
import { logUriOf } from './job-reading.ts';
import { secondsBetween } from './messages.ts';
import type { ParameterSpec, StudySpec, Trial, TuningJob } from './messages.ts';
import { paced } from './pacing.ts';
import type { VertexSettings } from './settings.ts';
import { phaseOfState, plainState } from './states.ts';

/**
 * Searches as hyper-parameter tuning jobs, told apart by their label; see by-label.ts. Vertex AI gives
 * a trial its values as arguments `--<name>=<value>`, and reads the metric that the program reports
 * with `cloudml-hypertune`.
 */
export function createTuning(settings: VertexSettings, api: VertexApi): Tuning {
  const pace = { pollMs: settings.pollSeconds * 1000 };
  const read = async (handle: TuningHandle): Promise<TuningReading> => {
    const job = await readByLabel(api.tuningJobs, 'tuning', handle);
    return job === null ? unknownSearch(handle.key) : readingOf(job);
  };
  return {
    async start(intent) {
      const make = () => tuningJobFor(settings, intent);
      const { remoteId, outcome } = await startByLabel(
        api.tuningJobs,
        'tuning',
        intent,
        make,
        pace,
      );
      return { handle: { key: intent.key, remoteId }, outcome };
    },
    read: paced(read, pace),
    stop: (handle) =>
      stopAndRead(
        () => read(handle),
        () => cancelByLabel(api.tuningJobs, 'tuning', handle),
        pace,
      ),
  };
}

/** @throws OrreryError TOOL_MISSING, SPEC_REJECTED */
function tuningJobFor(
  settings: VertexSettings,
  { key, specDigest, spec }: TuningIntent,
): TuningJob {
  const trial = jobSpecFor(settings, key, spec.trial);
  return {
    displayName: key,
    labels: workLabels({ kind: 'tuning', key, specDigest, labels: spec.labels }),
    maxTrialCount: spec.trialsMax,
    parallelTrialCount: Math.min(spec.parallelMax, spec.trialsMax),
    // 0 leaves it to Vertex AI, and the port says "more than": one failure more than is borne.
    maxFailedTrialCount: spec.failedMax + 1,
    studySpec: studyFor(spec),
    trialJobSpec: trial,
  };
}

const ALGORITHMS = {
  grid: 'GRID_SEARCH',
  random: 'RANDOM_SEARCH',
  // Vertex AI's default is Bayesian optimisation (study.proto, StudySpec.Algorithm).
  bayesian: 'ALGORITHM_UNSPECIFIED',
} as const;

export function studyFor(spec: TuningSpec): StudySpec {
  const { metric, goal } = spec.objective;
  return {
    metrics: [{ metricId: metric, goal: goal === 'maximize' ? 'MAXIMIZE' : 'MINIMIZE' }],
    parameters: spec.space.map((parameter) => parameterFor(parameter, spec.algorithm === 'grid')),
    algorithm: ALGORITHMS[spec.algorithm],
    ...(spec.earlyStopping === 'median' && {
      medianAutomatedStoppingSpec: { useElapsedDuration: false },
    }),
    studyStoppingConfig: {
      maximumRuntimeConstraint: {
        maxDuration: { seconds: Math.ceil(spec.timeoutSeconds), nanos: 0 },
      },
    },
  };
}

/** A grid takes no doubles on Vertex AI: its points are given as a list. */
function parameterFor(parameter: SearchParameter, isGrid: boolean): ParameterSpec {
  const parameterId = parameter.name;
  if (parameter.type === 'categorical') {
    return { parameterId, categoricalValueSpec: { values: [...parameter.values] } };
  }
  const { type, min, max, scale } = parameter;
  const scaleType = scale === 'log' ? 'UNIT_LOG_SCALE' : 'UNIT_LINEAR_SCALE';
  if (isGrid) {
    const values = gridOf(parameter);
    return { parameterId, scaleType, discreteValueSpec: { values } };
  }
  return type === 'integer'
    ? { parameterId, scaleType, integerValueSpec: { minValue: min, maxValue: max } }
    : { parameterId, scaleType, doubleValueSpec: { minValue: min, maxValue: max } };
}

/** `gridPoints` values from `min` to `max`, evenly on the parameter's scale, ends included, increasing. */
function gridOf({
  type,
  min,
  max,
  scale,
  gridPoints,
}: Exclude<SearchParameter, { type: 'categorical' }>): number[] {
  const points = Array.from({ length: gridPoints }, (_, at) => {
    const share = gridPoints === 1 ? 0 : at / (gridPoints - 1);
    if (share === 1) return max;
    return scale === 'log' ? min * (max / min) ** share : min + (max - min) * share;
  });
  return [...new Set(type === 'integer' ? points.map(Math.round) : points)];
}

function readingOf(job: TuningJob): TuningReading {
  const study = job.studySpec;
  const metric = study?.metrics?.[0];
  const trials = (job.trials ?? []).map((trial) => trialOf(trial, metric?.metricId ?? ''));
  const phase = phaseOf(job, trials);
  const ended = trials.filter(
    ({ phase: state }) => state === 'stopped' || isTerminal(state),
  ).length;
  const words = job.error?.message ?? '';
  return {
    phase,
    revision: revisionFor(phase, ended),
    trials,
    best: bestOf(trials, String(metric?.goal) === 'MINIMIZE'),
    billableSeconds: (job.trials ?? []).reduce(
      (sum, { startTime, endTime }) => sum + secondsBetween(startTime, endTime),
      0,
    ),
    reason: [plainState(job.state), words].filter((text) => text !== '').join('; '),
    logUri: logUriOf(job.name ?? ''),
  };
}

/** A search whose trials still run is not over. */
function phaseOf(job: TuningJob, trials: readonly TrialReading[]): JobPhase {
  const phase = phaseOfState(job.state);
  const isHeld = trials.some((trial) => trial.phase === 'running');
  return isTerminal(phase) && isHeld ? 'running' : phase;
}

/** Trial.State of study.proto; STOPPING is a trial that the rule ends early. */
const TRIAL_PHASES: Readonly<Record<string, TrialReading['phase']>> = {
  REQUESTED: 'pending',
  ACTIVE: 'running',
  STOPPING: 'running',
  SUCCEEDED: 'succeeded',
  INFEASIBLE: 'failed',
};

function trialOf(trial: Trial, metricId: string): TrialReading {
  const measured = trial.finalMeasurement?.metrics?.find((metric) => metric.metricId === metricId);
  const params = (trial.parameters ?? []).map(({ parameterId, value }) => {
    const plain = value?.stringValue || value?.numberValue;
    return [parameterId ?? '', plain ?? 0] as const;
  });
  return {
    name: trial.name || String(trial.id),
    phase: TRIAL_PHASES[plainState(trial.state)] ?? 'running',
    params: Object.fromEntries(params),
    value: measured?.value ?? null,
    reason: [plainState(trial.state), trial.infeasibleReason ?? '']
      .filter((text) => text !== '')
      .join('; '),
  };
}

/** Vertex AI marks no trial as the best; of equal ones the first. */
function bestOf(trials: readonly TrialReading[], minimize: boolean): TrialReading | null {
  const sign = minimize ? 1 : -1;
  const measured = trials.filter(({ phase, value }) => phase === 'succeeded' && value !== null);
  return measured.toSorted((a, b) => sign * ((a.value ?? 0) - (b.value ?? 0)))[0] ?? null;
}

function unknownSearch(key: string): TuningReading {
  return {
    phase: 'lost',
    revision: revisionFor('lost'),
    trials: [],
    best: null,
    billableSeconds: 0,
    reason: `Vertex AI has no search of the key ${key}`,
    logUri: '',
  };
}
