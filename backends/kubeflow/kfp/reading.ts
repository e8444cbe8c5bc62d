import type { JobPhase } from '../../../core/ports/compute.ts';
import type {
  LineageArtifact,
  PipelineReading,
  PipelineTask,
} from '../../../core/ports/pipeline.ts';
import { isTerminal, revisionFor } from '../../connections/polling.ts';
import type { MarkKind } from './marks.ts';
import type { KfpRun, KfpTask, RunState } from './replies.ts';

/**
 * State of KFP → phase. CANCELING may still end as SUCCEEDED, so it is running. KFP never writes
 * CANCELED: a run that was terminated ends as FAILED, which `runPhase` tells apart.
 */
const PHASES: Readonly<Record<RunState, JobPhase>> = {
  RUNTIME_STATE_UNSPECIFIED: 'pending',
  PENDING: 'pending',
  RUNNING: 'running',
  PAUSED: 'running',
  CANCELING: 'running',
  SUCCEEDED: 'succeeded',
  SKIPPED: 'succeeded',
  FAILED: 'failed',
  CANCELED: 'cancelled',
};

export function isOver(state: RunState): boolean {
  return isTerminal(PHASES[state]);
}

/** States since the run was last started: a retry makes a new life of a run that had ended. */
export function lifeOf(run: KfpRun): readonly KfpRun['state_history'][number][] {
  const { state_history: history } = run;
  const ended = history.findLastIndex(
    ({ state }, at) => isOver(state) && at < history.length - 1 && !isOver(history[at + 1]!.state),
  );
  return history.slice(ended + 1);
}

/**
 * What a FAILED run really is. The history shows that somebody asked for the end if the agent
 * reported while the workflow was terminating; else our own mark does.
 */
export function runPhase(run: KfpRun, marks: ReadonlySet<MarkKind>): JobPhase {
  if (run.state !== 'FAILED') return PHASES[run.state];
  if (marks.has('timeout') && !marks.has('stop')) return 'failed';
  const cancelled = marks.has('stop') || wasCanceling(run);
  return cancelled ? 'cancelled' : 'failed';
}

export function wasCanceling(run: KfpRun): boolean {
  return lifeOf(run).some(({ state }) => state === 'CANCELING' || state === 'CANCELED');
}

/** Milliseconds since 1970 of the start of this life; NaN where KFP tells none. */
export function startedAt(run: KfpRun): number {
  const life = lifeOf(run);
  const retried = life.length < run.state_history.length;
  return Date.parse((retried ? life[0]?.update_time : undefined) ?? run.created_at);
}

export interface ReadingContext {
  /** Marks of ours on a run that has ended; empty while it lives. */
  readonly marks: ReadonlySet<MarkKind>;
  /** Where the UI is, without a slash at the end. */
  readonly uiUrl: string;
  /** `task/artifact` → type name, from the pipeline's spec. */
  readonly types: ReadonlyMap<string, string>;
  /** Milliseconds since 1970. */
  readonly now: number;
}

export function readingOf(run: KfpRun, context: ReadingContext): PipelineReading {
  const { marks, uiUrl, now } = context;
  const tasks = run.run_details?.task_details ?? [];
  const phase = runPhase(run, marks);
  const ended = tasks.filter(({ state }) => isOver(state)).length;
  // A time that is not set is told as 1970.
  const finishedAt = Date.parse(run.finished_at) || now;
  const seconds = (finishedAt - startedAt(run)) / 1000;
  return {
    phase,
    revision: revisionFor(phase, 2 * ended + (run.state === 'CANCELING' ? 1 : 0)),
    tasks: tasks.map((task) => taskOf(task, run.run_id, uiUrl)),
    lineage: lineageOf(tasks, context),
    warnings: run.state === 'PAUSED' ? ['the run is paused on the far side'] : [],
    runSeconds: Number.isFinite(seconds) ? Math.max(0, seconds) : 0,
    costUsd: null,
    reason: reasonOf(run, phase, marks),
    logUri: runPage(uiUrl, run.run_id),
  };
}

export function lostReading(runId: string, uiUrl: string): PipelineReading {
  return {
    phase: 'lost',
    revision: revisionFor('lost'),
    tasks: [],
    lineage: [],
    warnings: [],
    runSeconds: 0,
    costUsd: null,
    reason: `Kubeflow Pipelines has no run ${runId}: it was deleted, or never there`,
    logUri: runPage(uiUrl, runId),
  };
}

function reasonOf(run: KfpRun, phase: JobPhase, marks: ReadonlySet<MarkKind>): string {
  const failed = (run.run_details?.task_details ?? []).filter(({ state }) => state === 'FAILED');
  const causes = [run.error, ...failed.map(({ error }) => error)]
    .map((error) => error?.message ?? '')
    .filter((message) => message !== '');
  const about =
    phase === 'cancelled'
      ? ' after it was asked to stop'
      : phase === 'failed' && marks.has('timeout')
        ? ' because it was over its time limit and was stopped'
        : '';
  return [`Kubeflow Pipelines says ${run.state}${about}`, ...new Set(causes)].join('; ');
}

function taskOf(task: KfpTask, runId: string, uiUrl: string): PipelineTask {
  return {
    name: task.display_name || task.task_id,
    phase: task.state === 'SKIPPED' ? 'skipped' : PHASES[task.state],
    reason: task.error?.message ?? '',
    logUri: runPage(uiUrl, runId),
  };
}

/** KFP tells artifacts by their ids in the metadata store; the UI has a page for each. */
function lineageOf(tasks: readonly KfpTask[], context: ReadingContext): readonly LineageArtifact[] {
  return tasks.flatMap((task) =>
    (['input', 'output'] as const).flatMap((direction) =>
      Object.entries(direction === 'input' ? task.inputs : task.outputs).flatMap(
        ([name, { artifact_ids: ids }]) =>
          ids.map((id) => ({
            task: task.display_name,
            direction,
            name,
            uri: `${context.uiUrl}/#/artifacts/${encodeURIComponent(id)}`,
            type: context.types.get(`${task.display_name}/${direction}/${name}`) ?? '',
          })),
      ),
    ),
  );
}

function runPage(uiUrl: string, runId: string): string {
  return `${uiUrl}/#/runs/details/${encodeURIComponent(runId)}`;
}
