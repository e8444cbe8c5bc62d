/**
 * Runs of pipelines. StartPipelineExecution takes a token, our key, and answers a second call with
 * the first one's run. AWS does not say how long it remembers a token, so the newest runs of the
 * pipeline are searched for our key first: after a token was forgotten, a run is still found there.
 * What the run is for stands in its description, since runs have no tags.
 */
import {
  DescribePipelineExecutionCommand,
  ListPipelineExecutionsCommand,
  ListPipelineExecutionStepsCommand,
  RetryPipelineExecutionCommand,
  SendPipelineExecutionStepFailureCommand,
  StartPipelineExecutionCommand,
  StopPipelineExecutionCommand,
} from '@aws-sdk/client-sagemaker';
import type {
  DescribePipelineExecutionResponse,
  PipelineExecutionStep,
} from '@aws-sdk/client-sagemaker';
import { digestOf } from '../../core/canonical.ts';
import { OrreryError } from '../../core/errors.ts';
import { specLabel } from '../../core/labels.ts';
import type { JobPhase } from '../../core/ports/compute.ts';
import type {
  Pipeline,
  PipelineHandle,
  PipelineIntent,
  PipelineReading,
  PipelineStart,
} from '../../core/ports/pipeline.ts';
import { asked, awsError, isMissing, isNamed } from '../connections/aws/errors.ts';
import { isTerminal, revisionFor, stopAndRead, waitForNews } from '../connections/polling.ts';
import { checkName } from './compute.ts';
import type { FarSide } from './far-side.ts';
import { callbackTokenOf, lineageOf, taskOf } from './pipeline-steps.ts';
import { describeRun, parseDescription } from './run-description.ts';
import { stepCosts } from './step-costs.ts';

/** Newest runs of a pipeline that are searched for our key. */
const SEARCHED_MAX = 100;
const STEPS_PER_PAGE = 100;
/** A pipeline has 50 steps at most by default (“Service quotas”); lists end somewhere in any case. */
const STEP_PAGES_MAX = 20;
const MS_PER_SECOND = 1_000;

/** Phases of a run, after PipelineExecutionStatus; an unknown one is live. */
const PHASES: Readonly<Record<string, JobPhase>> = {
  Executing: 'running',
  Stopping: 'running',
  Stopped: 'cancelled',
  Failed: 'failed',
  Succeeded: 'succeeded',
};

export function createPipeline(far: FarSide): Pipeline {
  const pace = { pollMs: far.settings.pollMs };
  const read = (handle: PipelineHandle) => readRun(far, handle);
  return {
    start: (intent) => startRun(far, intent),
    read: (handle, wait) => waitForNews(() => read(handle), wait, pace),
    async retry(handle) {
      const run = await describe(far, handle.remoteId);
      const phase = phaseOfRun(run?.PipelineExecutionStatus);
      if (run !== null && (phase === 'failed' || phase === 'cancelled')) await retryRun(far, run);
      return read(handle);
    },
    stop: (handle) =>
      stopAndRead(
        () => read(handle),
        () => askToStop(far, handle),
        pace,
      ),
  };
}

export function phaseOfRun(status: string | undefined): JobPhase {
  return PHASES[status ?? ''] ?? 'running';
}

async function startRun(far: FarSide, intent: PipelineIntent): Promise<PipelineStart> {
  const { key, spec } = intent;
  checkName(key);
  checkName(spec.pipeline);
  const found = await search(far, spec.pipeline, key);
  const arn = found ?? (await create(far, intent));
  const run = await asked(
    `read the run "${key}" of pipeline "${spec.pipeline}"`,
    far.sagemaker.send(new DescribePipelineExecutionCommand({ PipelineExecutionArn: arn })),
  );
  const { spec: digest } = parseDescription(run.PipelineExecutionDescription);
  if (digest !== specLabel(intent.specDigest)) {
    throw new OrreryError(
      'NAME_TAKEN',
      `Cannot start pipeline "${spec.pipeline}" as "${key}": a run of this name has the spec ${digest ?? '(none of ours)'}, wanted ${specLabel(intent.specDigest)}; see ${arn}`,
    );
  }
  const phase = phaseOfRun(run.PipelineExecutionStatus);
  const handle = { key, remoteId: arn };
  if (isTerminal(phase) && phase !== 'succeeded') return { handle, outcome: 'dead' };
  return { handle, outcome: found === null ? 'created' : 'adopted' };
}

/** The ARN of the newest run with our key among the newest runs; null when there is none. */
async function search(far: FarSide, pipeline: string, key: string): Promise<string | null> {
  const command = new ListPipelineExecutionsCommand({
    PipelineName: pipeline,
    SortBy: 'CreationTime',
    SortOrder: 'Descending',
    MaxResults: SEARCHED_MAX,
  });
  try {
    const { PipelineExecutionSummaries: runs = [] } = await far.sagemaker.send(command);
    const found = runs.find(({ PipelineExecutionDisplayName: name }) => name === key);
    return found?.PipelineExecutionArn ?? null;
  } catch (error) {
    throw unknownPipeline(error, pipeline);
  }
}

async function create(far: FarSide, intent: PipelineIntent): Promise<string> {
  const { key, spec } = intent;
  const command = new StartPipelineExecutionCommand({
    PipelineName: spec.pipeline,
    ClientRequestToken: key,
    PipelineExecutionDisplayName: key,
    PipelineExecutionDescription: describeRun(intent),
    PipelineParameters: Object.entries(spec.params).map(([Name, value]) => ({
      Name,
      Value: String(value),
    })),
    ...(spec.version === null ? {} : { PipelineVersionId: versionId(spec.version) }),
  });
  try {
    const reply = await far.sagemaker.send(command);
    return reply.PipelineExecutionArn ?? '';
  } catch (error) {
    // Another caller with our token may be at it: what it started is found now, or by the next try.
    const found = isNamed(error, 'ConflictException')
      ? await search(far, spec.pipeline, key)
      : null;
    if (found !== null) return found;
    throw unknownPipeline(error, spec.pipeline);
  }
}

function unknownPipeline(error: unknown, pipeline: string): OrreryError {
  if (!isMissing(error)) return awsError(error, `start pipeline "${pipeline}"`);
  return new OrreryError(
    'NOT_FOUND',
    `Cannot start pipeline "${pipeline}": SageMaker has no pipeline of this name in this region`,
    { cause: error },
  );
}

function versionId(version: string): number {
  if (/^\d+$/.test(version)) return Number(version);
  throw new OrreryError(
    'SPEC_REJECTED',
    `Cannot start version "${version}" of a pipeline: versions of SageMaker are whole numbers`,
  );
}

async function describe(
  far: FarSide,
  arn: string,
): Promise<DescribePipelineExecutionResponse | null> {
  try {
    const command = new DescribePipelineExecutionCommand({ PipelineExecutionArn: arn });
    return await far.sagemaker.send(command);
  } catch (error) {
    if (isMissing(error)) return null;
    throw awsError(error, `read the run ${arn}`);
  }
}

async function stepsOf(far: FarSide, arn: string): Promise<readonly PipelineExecutionStep[]> {
  const steps: PipelineExecutionStep[] = [];
  let token: string | undefined;
  for (let page = 0; page < STEP_PAGES_MAX; page += 1) {
    const command = new ListPipelineExecutionStepsCommand({
      PipelineExecutionArn: arn,
      SortOrder: 'Ascending',
      MaxResults: STEPS_PER_PAGE,
      ...(token === undefined ? {} : { NextToken: token }),
    });
    const reply = await asked(`read the steps of ${arn}`, far.sagemaker.send(command));
    steps.push(...(reply.PipelineExecutionSteps ?? []));
    token = reply.NextToken;
    if (token === undefined) break;
  }
  return steps;
}

async function readRun(far: FarSide, handle: PipelineHandle): Promise<PipelineReading> {
  const run = await describe(far, handle.remoteId);
  if (run === null) return unknownRun(handle);
  const steps = await stepsOf(far, handle.remoteId);
  const phase = phaseOfRun(run.PipelineExecutionStatus);
  const ended = steps.filter(({ EndTime }) => EndTime !== undefined).length;
  return {
    phase,
    // A run that is retried is live again; its changes still count upwards.
    revision: revisionFor(phase, steps.length + ended),
    tasks: steps.map(taskOf),
    lineage: steps.flatMap(lineageOf),
    warnings: [],
    runSeconds: runSeconds(run, isTerminal(phase)),
    costUsd: isTerminal(phase) ? await stepCosts(far, steps) : null,
    reason: run.FailureReason ?? run.PipelineExecutionStatus ?? '',
    logUri: consoleUri(far, handle.remoteId),
  };
}

function runSeconds(run: DescribePipelineExecutionResponse, over: boolean): number {
  const from = run.CreationTime?.getTime() ?? 0;
  const to = over ? (run.LastModifiedTime?.getTime() ?? from) : Date.now();
  return Math.max(to - from, 0) / MS_PER_SECOND;
}

/** One token for one failed state, so that a repeated order retries once. */
async function retryRun(far: FarSide, run: DescribePipelineExecutionResponse): Promise<void> {
  const command = new RetryPipelineExecutionCommand({
    PipelineExecutionArn: run.PipelineExecutionArn,
    ClientRequestToken: tokenFor('retry', run),
  });
  try {
    await far.sagemaker.send(command);
  } catch (error) {
    // Somebody else retried it in the meantime; the reading tells.
    if (!isNamed(error, 'ConflictException')) throw awsError(error, 'retry the run');
  }
}

/**
 * A stop leaves a callback step waiting (“StopPipelineExecution”, API reference), so each one that
 * waits is told to fail as well.
 */
async function askToStop(far: FarSide, { remoteId }: PipelineHandle): Promise<void> {
  const run = await describe(far, remoteId);
  if (run === null) return;
  const stop = new StopPipelineExecutionCommand({
    PipelineExecutionArn: remoteId,
    ClientRequestToken: tokenFor('stop', run),
  });
  await bearing(far.sagemaker.send(stop), 'stop the run');
  for (const step of await stepsOf(far, remoteId)) {
    const token = callbackTokenOf(step);
    if (token === null) continue;
    const fail = new SendPipelineExecutionStepFailureCommand({
      CallbackToken: token,
      FailureReason: 'the run was stopped',
      ClientRequestToken: digestOf(['fail', token]),
    });
    await bearing(far.sagemaker.send(fail), `end the callback step "${step.StepName}"`);
  }
}

/** An order that may come too late: the run or the step has ended by itself. */
async function bearing(order: Promise<unknown>, action: string): Promise<void> {
  try {
    await order;
  } catch (error) {
    if (isNamed(error, 'ConflictException', 'ValidationException') || isMissing(error)) return;
    throw awsError(error, action);
  }
}

/** Changes when the run does, so that a later order of the same kind is not taken for this one. */
function tokenFor(order: string, run: DescribePipelineExecutionResponse): string {
  const { PipelineExecutionArn: arn, LastModifiedTime: at } = run;
  return digestOf([order, arn, at?.getTime() ?? 0]);
}

function consoleUri(far: FarSide, arn: string): string {
  const { region } = far.settings.aws;
  return `https://${region}.console.aws.amazon.com/sagemaker/home?region=${region}#/pipelines/executions/${encodeURIComponent(arn)}`;
}

function unknownRun({ key }: PipelineHandle): PipelineReading {
  return {
    phase: 'lost',
    revision: revisionFor('lost'),
    tasks: [],
    lineage: [],
    warnings: [],
    runSeconds: 0,
    costUsd: null,
    reason: `SageMaker has no run ${key}`,
    logUri: '',
  };
}
