import type { JobPhase } from '../../../core/ports/compute.ts';
import type { TrialReading, TuningReading } from '../../../core/ports/tuning.ts';
import { conditionOf, secondsOf } from '../../connections/kubernetes/objects.ts';
import { isTerminal, revisionFor } from '../../connections/polling.ts';
import type { Assignment, Experiment, Observation, Trial } from './objects.ts';

type Conditions = NonNullable<Experiment['status']>['conditions'];

/** ExperimentConditionType of experiment_types.go; conditions that were true stay, so ends count first. */
export function experimentPhase(conditions: Conditions): JobPhase {
  if (conditionOf(conditions, 'Succeeded') !== undefined) return 'succeeded';
  if (conditionOf(conditions, 'Failed') !== undefined) return 'failed';
  const running = ['Running', 'Restarting'].some((type) => conditionOf(conditions, type));
  return running ? 'running' : 'pending';
}

/** TrialConditionType of trial_types.go. */
function trialPhase(conditions: Conditions): TrialReading['phase'] {
  const is = (type: string) => conditionOf(conditions, type) !== undefined;
  if (is('EarlyStopped')) return 'stopped';
  if (is('MetricsUnavailable') || is('Failed')) return 'failed';
  if (is('Succeeded')) return 'succeeded';
  if (is('Killed')) return 'cancelled';
  return is('Running') ? 'running' : 'pending';
}

/** The experiment and its trials as they are now; `now` in seconds since 1970. */
export function readingOf(
  experiment: Experiment,
  trials: readonly Trial[],
  { now, logUri }: { readonly now: number; readonly logUri: string },
): TuningReading {
  const { status, spec } = experiment;
  const phase = experimentPhase(status?.conditions);
  const numbers = new Set(
    spec.parameters.flatMap(({ name, parameterType }) =>
      parameterType === 'categorical' ? [] : [name],
    ),
  );
  const metric = spec.objective.objectiveMetricName;
  const read = trials
    .map((trial) => trialOf(trial, metric, numbers))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const ended = read.filter((trial) => trial.phase === 'stopped' || isTerminal(trial.phase));
  return {
    phase,
    revision: revisionFor(phase, ended.length),
    trials: read,
    best: bestOf(experiment, read, metric, numbers),
    billableSeconds: trials.reduce((sum, trial) => sum + heldSeconds(trial, now), 0),
    reason: reasonOf(status?.conditions, phase),
    logUri,
  };
}

function trialOf(trial: Trial, metric: string, numbers: ReadonlySet<string>): TrialReading {
  const { status, spec, metadata } = trial;
  const phase = trialPhase(status?.conditions);
  const last = (status?.conditions ?? []).findLast((condition) => condition.status === 'True');
  return {
    name: metadata.name,
    phase,
    params: paramsOf(spec.parameterAssignments, numbers),
    value: valueOf(status?.observation, metric),
    reason: last?.message ?? last?.reason ?? '',
  };
}

/** In Katib's own opinion; null while it has none. */
function bestOf(
  { status }: Experiment,
  trials: readonly TrialReading[],
  metric: string,
  numbers: ReadonlySet<string>,
): TrialReading | null {
  const optimal = status?.currentOptimalTrial;
  if (optimal?.bestTrialName === undefined || optimal.bestTrialName === '') return null;
  const known = trials.find(({ name }) => name === optimal.bestTrialName);
  const value = valueOf(optimal.observation, metric) ?? known?.value ?? null;
  if (value === null) return null;
  if (known !== undefined) return { ...known, value };
  const params = paramsOf(optimal.parameterAssignments, numbers);
  return { name: optimal.bestTrialName, phase: 'succeeded', params, value, reason: '' };
}

function paramsOf(assignments: readonly Assignment[] | undefined, numbers: ReadonlySet<string>) {
  return Object.fromEntries(
    (assignments ?? []).map(({ name, value }) => [name, numbers.has(name) ? Number(value) : value]),
  );
}

function valueOf(observation: Observation | undefined, metric: string): number | null {
  const told = observation?.metrics?.find(({ name }) => name === metric)?.latest;
  const value = Number(told === undefined || told === '' ? Number.NaN : told);
  return Number.isFinite(value) ? value : null;
}

function heldSeconds({ status }: Trial, now: number): number {
  if (status?.startTime === undefined) return 0;
  const end = status.completionTime === undefined ? now : secondsOf(status.completionTime);
  return Math.max(0, end - secondsOf(status.startTime));
}

function reasonOf(conditions: Conditions, phase: JobPhase): string {
  const last = (conditions ?? []).findLast((condition) => condition.status === 'True');
  return last === undefined
    ? 'Katib has not taken it up yet'
    : `Katib says ${last.type}: ${last.message ?? last.reason ?? phase}`;
}
