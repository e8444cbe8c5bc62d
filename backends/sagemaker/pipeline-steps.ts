import type { PipelineExecutionStep } from '@aws-sdk/client-sagemaker';
import type { LineageArtifact, PipelineTask } from '../../core/ports/pipeline.ts';

type Metadata = NonNullable<PipelineExecutionStep['Metadata']>;

/** Phases of a step, after StepStatus of ListPipelineExecutionSteps; an unknown one is live. */
const PHASES: Readonly<Record<string, PipelineTask['phase']>> = {
  Starting: 'pending',
  Executing: 'running',
  Stopping: 'running',
  Stopped: 'cancelled',
  Failed: 'failed',
  Succeeded: 'succeeded',
};

/** Members of a step's metadata that name what the step made, with the type that we tell. */
const MADE = [
  ['TrainingJob', 'TrainingJob'],
  ['ProcessingJob', 'ProcessingJob'],
  ['TransformJob', 'TransformJob'],
  ['TuningJob', 'HyperParameterTuningJob'],
  ['Model', 'Model'],
  ['RegisterModel', 'ModelPackage'],
  ['Lambda', 'LambdaFunction'],
  ['AutoMLJob', 'AutoMLJob'],
  ['Endpoint', 'Endpoint'],
  ['EndpointConfig', 'EndpointConfig'],
] as const satisfies readonly (readonly [keyof Metadata, string])[];

export function taskOf(step: PipelineExecutionStep): PipelineTask {
  const { StepName = '', StepStatus = '', FailureReason = '', CacheHitResult: hit } = step;
  const reused = hit?.SourcePipelineExecutionArn;
  return {
    name: StepName,
    phase: PHASES[StepStatus] ?? 'running',
    reason: reused === undefined ? FailureReason : `taken from ${reused}`,
    logUri: arnsOf(step)[0]?.uri ?? '',
  };
}

/** What a step made, and what it handed on, as its metadata tells. */
export function lineageOf(step: PipelineExecutionStep): readonly LineageArtifact[] {
  const { StepName: task = '', Metadata: metadata = {} } = step;
  const told = [
    ...(metadata.Callback?.OutputParameters ?? []),
    ...(metadata.Lambda?.OutputParameters ?? []),
  ];
  const made = arnsOf(step).map(({ type, uri }) => ({ name: type, uri, type }));
  const handed = told.map(({ Name = '', Value = '' }) => ({
    name: Name,
    uri: Value,
    type: 'OutputParameter',
  }));
  return [...made, ...handed].map((artifact) => ({ task, direction: 'output', ...artifact }));
}

/** The token with which a callback step that waits can be ended; null for every other step. */
export function callbackTokenOf({ StepStatus, Metadata }: PipelineExecutionStep): string | null {
  const live = StepStatus === 'Executing' || StepStatus === 'Stopping' || StepStatus === 'Starting';
  return live ? (Metadata?.Callback?.CallbackToken ?? null) : null;
}

/** ARN of the training job of a step; null for every other step. */
export function trainingJobArnOf({ Metadata }: PipelineExecutionStep): string | null {
  return Metadata?.TrainingJob?.Arn ?? null;
}

function arnsOf({ Metadata: metadata = {} }: PipelineExecutionStep) {
  return MADE.flatMap(([member, type]) => {
    const uri = metadata[member]?.Arn;
    return uri === undefined ? [] : [{ type, uri }];
  });
}
