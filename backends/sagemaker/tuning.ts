/**
 * Searches as hyper-parameter tuning jobs. Their names end at 32 characters, so a name is the first
 * 32 of the key (124 bits), and the whole key is in the tags. A trial is a training job of the
 * search: the service starts the image's own entrypoint, a program named `train`, which runs the
 * script of the channel `orrery`.
 */
import {
  CreateHyperParameterTuningJobCommand,
  DescribeHyperParameterTuningJobCommand,
  ListTrainingJobsForHyperParameterTuningJobCommand,
  StopHyperParameterTuningJobCommand,
} from '@aws-sdk/client-sagemaker';
import type {
  DescribeHyperParameterTuningJobResponse,
  HyperParameterTrainingJobSummary,
} from '@aws-sdk/client-sagemaker';
import { OrreryError } from '../../core/errors.ts';
import { LABELS, specLabel } from '../../core/labels.ts';
import type { JobPhase } from '../../core/ports/compute.ts';
import type {
  TrialReading,
  Tuning,
  TuningHandle,
  TuningIntent,
  TuningReading,
  TuningStart,
} from '../../core/ports/tuning.ts';
import { awsError, isMissing, isNamed } from '../connections/aws/errors.ts';
import { isTerminal, revisionFor, stopAndRead, waitForNews } from '../connections/polling.ts';
import { checkName } from './compute.ts';
import type { FarSide } from './far-side.ts';
import { checkInputs, programOf, putScript } from './job-files.ts';
import { listed } from './pages.ts';
import { readTags } from './tags.ts';
import { describeTrainingJob } from './training-jobs.ts';
import { NUMBERS_PARAMETER, trialScript, tuningRequest } from './tuning-request.ts';

/** HyperParameterTuningJobName: 1–32 characters. */
const NAME_LENGTH_MAX = 32;

const PHASES: Readonly<Record<string, JobPhase>> = {
  InProgress: 'running',
  Stopping: 'running',
  Deleting: 'lost',
  DeleteFailed: 'failed',
  Completed: 'succeeded',
  Failed: 'failed',
  Stopped: 'cancelled',
};
const TRIAL_PHASES: Readonly<Record<string, TrialReading['phase']>> = {
  InProgress: 'running',
  Stopping: 'running',
  Completed: 'succeeded',
  Failed: 'failed',
  Stopped: 'cancelled',
  Deleting: 'lost',
};

export function tuningName(key: string): string {
  return key.slice(0, NAME_LENGTH_MAX);
}

export function tuningPhase(status: string | undefined): JobPhase {
  return PHASES[status ?? ''] ?? 'running';
}

export function createTuning(far: FarSide): Tuning {
  const pace = { pollMs: far.settings.pollMs };
  const read = (handle: TuningHandle) => readSearch(far, handle);
  return {
    start: (intent) => startSearch(far, intent),
    read: (handle, wait) => waitForNews(() => read(handle), wait, pace),
    stop: (handle) =>
      stopAndRead(
        () => read(handle),
        () => askToStop(far, handle),
        pace,
      ),
  };
}

async function startSearch(far: FarSide, intent: TuningIntent): Promise<TuningStart> {
  const { key, spec } = intent;
  checkName(key);
  checkInputs(spec.trial.inputs);
  const program = programOf(far, spec.trial.command);
  await putScript(far, key, trialScript(far, intent, program));
  const request = tuningRequest(far, intent, program, tuningName(key));
  try {
    const reply = await far.sagemaker.send(new CreateHyperParameterTuningJobCommand(request));
    const remoteId = reply.HyperParameterTuningJobArn ?? '';
    return { handle: { key, remoteId }, outcome: 'created' };
  } catch (error) {
    if (!isNamed(error, 'ResourceInUse', 'ResourceInUseException')) {
      throw awsError(error, `start the search "${key}"`);
    }
    return adopt(far, intent);
  }
}

async function adopt(far: FarSide, { key, specDigest }: TuningIntent): Promise<TuningStart> {
  const search = await describe(far, key);
  const remoteId = search?.HyperParameterTuningJobArn ?? '';
  const tags = remoteId === '' ? {} : await readTags(far.sagemaker, remoteId);
  const found = tags[LABELS.spec];
  if (found !== specLabel(specDigest) || tags[LABELS.key] !== key) {
    throw new OrreryError(
      'NAME_TAKEN',
      `Cannot start the search "${key}": a search named ${tuningName(key)} has the spec ${found ?? '(none of ours)'}, wanted ${specLabel(specDigest)}`,
    );
  }
  const phase = tuningPhase(search?.HyperParameterTuningJobStatus);
  const dead = isTerminal(phase) && phase !== 'succeeded';
  return { handle: { key, remoteId }, outcome: dead ? 'dead' : 'adopted' };
}

async function describe(
  far: FarSide,
  key: string,
): Promise<DescribeHyperParameterTuningJobResponse | null> {
  const name = tuningName(key);
  try {
    const command = new DescribeHyperParameterTuningJobCommand({
      HyperParameterTuningJobName: name,
    });
    return await far.sagemaker.send(command);
  } catch (error) {
    if (isMissing(error)) return null;
    throw awsError(error, `read the search "${name}"`);
  }
}

async function readSearch(far: FarSide, { key }: TuningHandle): Promise<TuningReading> {
  const search = await describe(far, key);
  if (search === null) return unknownSearch(key);
  const phase = tuningPhase(search.HyperParameterTuningJobStatus);
  const numbers = numbersOf(search);
  const summaries = await listed('trials', async (page) => {
    const command = new ListTrainingJobsForHyperParameterTuningJobCommand({
      ...page,
      HyperParameterTuningJobName: tuningName(key),
    });
    const reply = await far.sagemaker.send(command);
    return { items: reply.TrainingJobSummaries, next: reply.NextToken };
  });
  const trials = summaries.map((summary) => trialOf(summary, numbers));
  const best = search.BestTrainingJob;
  const ended = trials.filter((trial) => trial.phase !== 'running').length;
  return {
    phase,
    revision: revisionFor(phase, trials.length + ended),
    trials,
    best: best?.TrainingJobName === undefined ? null : trialOf(best, numbers),
    billableSeconds: isTerminal(phase) ? await billedSeconds(far, summaries) : 0,
    reason: search.FailureReason ?? search.HyperParameterTuningJobStatus ?? '',
    logUri: consoleUri(far, tuningName(key)),
  };
}

/** Which parameters are numbers: a grid has them as texts. */
function numbersOf(search: DescribeHyperParameterTuningJobResponse): ReadonlySet<string> {
  const told = search.TrainingJobDefinition?.StaticHyperParameters?.[NUMBERS_PARAMETER];
  return new Set(told === undefined ? [] : (JSON.parse(told) as readonly string[]));
}

function trialOf(
  told: HyperParameterTrainingJobSummary,
  numbers: ReadonlySet<string>,
): TrialReading {
  const { TunedHyperParameters: tuned = {}, TrainingJobStatus: status = '' } = told;
  const metric = told.FinalHyperParameterTuningJobObjectiveMetric?.Value;
  const phase = TRIAL_PHASES[status] ?? 'running';
  const params = Object.entries(tuned).map(([name, text]) => [
    name,
    numbers.has(name) ? Number(text) : text,
  ]);
  return {
    name: told.TrainingJobName ?? '',
    // A trial that was stopped and has a value was ended early by the rule.
    phase: phase === 'cancelled' && metric !== undefined ? 'stopped' : phase,
    params: Object.fromEntries(params) as TrialReading['params'],
    value: metric ?? null,
    reason: told.FailureReason ?? told.ObjectiveStatus ?? status,
  };
}

async function billedSeconds(
  far: FarSide,
  summaries: readonly HyperParameterTrainingJobSummary[],
): Promise<number> {
  let sum = 0;
  for (const { TrainingJobName: name = '' } of summaries) {
    sum += (await describeTrainingJob(far, name))?.billableSeconds ?? 0;
  }
  return sum;
}

async function askToStop(far: FarSide, { key }: TuningHandle): Promise<void> {
  const name = tuningName(key);
  try {
    const command = new StopHyperParameterTuningJobCommand({ HyperParameterTuningJobName: name });
    await far.sagemaker.send(command);
  } catch (error) {
    // It ended between the reading and the order.
    if (isMissing(error) || isNamed(error, 'ValidationException')) return;
    throw awsError(error, `stop the search "${name}"`);
  }
}

function consoleUri(far: FarSide, name: string): string {
  const { region } = far.settings.aws;
  return `https://${region}.console.aws.amazon.com/sagemaker/home?region=${region}#/hyper-tuning-jobs/${name}`;
}

function unknownSearch(key: string): TuningReading {
  return {
    phase: 'lost',
    revision: revisionFor('lost'),
    trials: [],
    best: null,
    billableSeconds: 0,
    reason: `SageMaker has no search named ${tuningName(key)}`,
    logUri: '',
  };
}
