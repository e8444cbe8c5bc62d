import type { WorkflowHandle } from '@temporalio/client';
import { pipelineId, tuningId } from '../../core/ids.ts';
import { TASK_QUEUES } from '../../core/messages.ts';
import type { PipelineRequest } from '../../core/pipeline/request.ts';
import type { TuneRequest } from '../../core/tuning/request.ts';
import { parsePipelineRequest } from '../../schemas/pipeline.ts';
import { parseTuneRequest } from '../../schemas/tuning.ts';
import type { WorkflowEngine } from './workflow-engine.ts';

let count = 0;

interface PipelineChanges {
  readonly pipeline?: Partial<PipelineRequest['pipeline']>;
  readonly policy?: Partial<PipelineRequest['policy']>;
}

/** A run of the pipeline `extract` of a world, under a name that no other request has. */
export function pipelineRequest(backend: string, changes: PipelineChanges = {}): PipelineRequest {
  count += 1;
  return parsePipelineRequest({
    schemaVersion: 1,
    model: 'fraud',
    version: 'v1',
    name: `run-${count}`,
    backends: { default: backend },
    pipeline: { pipeline: 'extract', timeoutSeconds: 600, ...changes.pipeline },
    policy: { heartbeatTimeoutSeconds: 10, ...changes.policy },
  });
}

interface TuneChanges {
  readonly engine?: TuneRequest['engine'];
  readonly on?: readonly string[];
  readonly version?: string;
  readonly search?: Partial<TuneRequest['search']>;
  readonly policy?: Partial<TuneRequest['policy']>;
}

/** A search for the best rate of a world, under a name that no other request has. */
export function tuneRequest(backend: string, changes: TuneChanges = {}): TuneRequest {
  count += 1;
  return parseTuneRequest({
    schemaVersion: 1,
    model: 'fraud',
    version: changes.version ?? 'v1',
    name: `search-${count}`,
    backends: { default: backend },
    engine: changes.engine ?? 'orrery',
    ...(changes.on === undefined ? {} : { on: changes.on }),
    search: {
      trial: {
        command: ['train'],
        outputs: ['model.onnx'],
        resources: { cpus: 1, memoryMiB: 512 },
        timeoutSeconds: 600,
        graceSeconds: 5,
      },
      space: [{ name: 'rate', type: 'double', min: 0.001, max: 1, scale: 'log', gridPoints: 4 }],
      objective: { metric: 'score', goal: 'maximize' },
      algorithm: 'grid',
      trialsMax: 4,
      parallelMax: 2,
      failedMax: 0,
      timeoutSeconds: 36_000,
      ...changes.search,
    },
    policy: { attemptsMax: 1, heartbeatTimeoutSeconds: 10, ...changes.policy },
  });
}

export function startPipeline(
  { client }: WorkflowEngine,
  request: PipelineRequest,
): Promise<WorkflowHandle> {
  return client.workflow.start('runPipeline', {
    workflowId: pipelineId(request),
    taskQueue: TASK_QUEUES.orchestrate,
    args: [request],
  });
}

export function startTuning(
  { client }: WorkflowEngine,
  request: TuneRequest,
): Promise<WorkflowHandle> {
  return client.workflow.start('tuneModel', {
    workflowId: tuningId(request),
    taskQueue: TASK_QUEUES.orchestrate,
    args: [request],
  });
}
