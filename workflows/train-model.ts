import { workflowInfo } from '@temporalio/workflow';
import type { ArtifactRef } from '../core/ports/artifacts.ts';
import type { JobSpec } from '../core/ports/compute.ts';
import type { TrainRequest, TrainResult } from '../core/training/request.ts';
import { failure } from './failures.ts';
import { control } from './options.ts';
import { runJob } from './run-job.ts';
import type { JobEnd } from './run-job.ts';

/** Prepares the data, then trains on it; each step resumes from its checkpoints after a setback. */
export async function trainModel(input: TrainRequest): Promise<TrainResult> {
  const request = (await control.admit({
    workflow: 'trainModel',
    workflowId: workflowInfo().workflowId,
    request: input,
  })) as TrainRequest;
  const prepared = await runStep(request, 'prepare', { 'data.csv': request.data }, [
    'train.csv',
    'heldout.csv',
  ]);
  const trained = await runStep(
    request,
    'train',
    { 'train.csv': outputOf(prepared, 'train.csv') },
    ['model.onnx'],
  );
  return {
    model: outputOf(trained, 'model.onnx'),
    heldOut: outputOf(prepared, 'heldout.csv'),
    jobs: [prepared.summary, trained.summary],
  };
}

async function runStep(
  request: TrainRequest,
  step: 'prepare' | 'train',
  inputs: JobSpec['inputs'],
  outputs: readonly string[],
): Promise<JobEnd> {
  const { training, model, version, backends } = request;
  const { command, params, timeoutSeconds } = training[step];
  const { resources, graceSeconds, policy } = training;
  const spec = {
    kind: step,
    command,
    params,
    inputs,
    outputs,
    resources,
    timeoutSeconds,
    graceSeconds,
  };
  return runJob({ step, backends, policy, checkpoints: step === 'train', spec, model, version });
}

function outputOf(end: JobEnd, name: string): ArtifactRef {
  const output = end.outputs[name];
  if (output === undefined) {
    throw failure(
      'JOB_OUTPUT_MISSING',
      `Cannot go on after ${end.summary.step}: it left no "${name}"`,
    );
  }
  return output;
}
