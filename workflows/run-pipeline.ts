import { workflowInfo } from '@temporalio/workflow';
import { backendFor } from '../core/backend.ts';
import { nextRunMove } from '../core/pipeline/progress.ts';
import type { PipelineRequest, PipelineResult } from '../core/pipeline/request.ts';
import type { PipelineHandle, PipelineReading } from '../core/ports/pipeline.ts';
import { workIntent } from '../core/training/job-key.ts';
import { heartbeatTimeoutFor } from '../core/training/watching.ts';
import { failure, isCancellation, refusalOf, rootOf } from './failures.ts';
import { walkBackends } from './fallback.ts';
import type { Attempted } from './fallback.ts';
import { briefControl, control, slowControl, watch } from './options.ts';
import { PipelineRun } from './pipeline-run.ts';
import { attemptRemotely } from './remote-attempt.ts';
import { ensureIdentity } from './search-attributes.ts';

/** Margin over the run's own limit, so that its backend ends it before Temporal ends the watch. */
const WATCH_MARGIN_SECONDS = 300;

interface RunEnd {
  readonly handle: PipelineHandle;
  readonly reading: PipelineReading;
}

/**
 * Runs a pipeline of another system to its end, on the first of its backends that can. However this
 * ends, no run of it goes on: it is stopped, and its end read from the far side.
 */
export async function runPipeline(input: PipelineRequest): Promise<PipelineResult> {
  const run = new PipelineRun(input);
  try {
    const request = await admitted(input);
    ensureIdentity(request);
    run.enter('run');
    const backends = request.pipeline.on ?? [backendFor(request.backends, 'pipeline')];
    const { end, backend, attempts, setbacks } = await walkBackends({
      step: `run ${request.pipeline.pipeline}`,
      backends,
      attemptsMax: request.policy.attemptsMax,
      attempt: (on, ordinal) =>
        tryOn(run, request, { backend: on, ordinal, only: backends.length === 1 }),
      tell: (told, seconds) =>
        run.show({
          setbacks: told,
          ...(seconds === null ? {} : { stage: 'wait', reason: `waits ${seconds} s for capacity` }),
        }),
    });
    run.read(end.reading);
    run.enter('done', { outcome: 'succeeded' });
    const { tasks, lineage, warnings, runSeconds, costUsd, logUri } = end.reading;
    const told = { tasks, lineage, warnings, runSeconds, costUsd, logUri };
    return { backend, ...end.handle, attempts, setbacks, ...told };
  } catch (error) {
    const { code, message } = rootOf(error);
    const cancelled = isCancellation(error);
    run.show({ outcome: cancelled ? 'cancelled' : 'failed', reason: message });
    throw cancelled ? error : failure(code, message);
  }
}

async function admitted(input: PipelineRequest): Promise<PipelineRequest> {
  return (await control.admit({
    workflow: 'runPipeline',
    workflowId: workflowInfo().workflowId,
    request: input,
  })) as PipelineRequest;
}

async function tryOn(
  run: PipelineRun,
  request: PipelineRequest,
  { backend, ordinal, only }: { backend: string; ordinal: number; only: boolean },
): Promise<Attempted<RunEnd>> {
  const intent = intentOf(request, ordinal);
  run.show({ stage: 'run', backend, remoteId: null, attempt: ordinal, reason: '' });
  const result = await attemptRemotely({
    step: `run ${request.pipeline.pipeline}`,
    where: `run ${intent.key} on ${backend}`,
    stopsByKey: false,
    start: async () => {
      const { handle } = await (only ? control : briefControl).startRun({ backend, intent });
      run.show({ remoteId: handle.remoteId });
      return handle;
    },
    follow: (handle) => followed(run, request, backend, handle),
    stop: async (handle) => {
      const reading = await slowControl.stopRun({ backend, intent, handle });
      run.read(reading);
      return reading;
    },
  });
  if (!('refused' in result)) return result.value;
  const { refused, stopped } = result;
  // A run whose start seemed to fail may have come to its end meanwhile.
  if (stopped?.phase === 'succeeded') {
    const { remoteId } = run.state;
    return { end: { handle: { key: intent.key, remoteId: remoteId ?? '' }, reading: stopped } };
  }
  return { setback: { code: refused.code, reason: refused.message } };
}

/** Follows a run to its end, its failed tasks run again as often as the policy says. */
async function followed(
  run: PipelineRun,
  { pipeline, policy }: PipelineRequest,
  backend: string,
  handle: PipelineHandle,
): Promise<Attempted<RunEnd>> {
  const { timeoutSeconds } = pipeline;
  const { heartbeatTimeoutSeconds = heartbeatTimeoutFor(timeoutSeconds) } = policy;
  const watcher = watch(heartbeatTimeoutSeconds, timeoutSeconds + WATCH_MARGIN_SECONDS);
  for (let retried = 0; ; retried += 1) {
    const reading = await watcher.superviseRun({ backend, handle });
    run.read(reading);
    const move = nextRunMove(reading, retried, policy);
    if (move.kind === 'done') return { end: { handle, reading } };
    const again = move.kind === 'retry tasks' && (await retriedTasks(backend, handle));
    if (again) continue;
    const { code, reason } =
      move.kind === 'setback' ? move : ({ code: 'PIPELINE_FAILED', reason: move.reason } as const);
    return { setback: { code, reason, logUri: reading.logUri } };
  }
}

/** False where the far side cannot run tasks again: then a new run is the only other try. */
async function retriedTasks(backend: string, handle: PipelineHandle): Promise<boolean> {
  try {
    await control.retryRun({ backend, handle });
    return true;
  } catch (error) {
    if (!isCancellation(error) && refusalOf(error).code === 'OPERATION_UNSUPPORTED') return false;
    throw error;
  }
}

function intentOf({ model, version, pipeline }: PipelineRequest, attempt: number) {
  const { workflowId, firstExecutionRunId } = workflowInfo();
  const { on: _, ...spec } = pipeline;
  const identity = { workflowId, firstRunId: firstExecutionRunId, step: 'run', attempt };
  return workIntent(identity, { ...spec, labels: { model, version, workflowId } });
}
