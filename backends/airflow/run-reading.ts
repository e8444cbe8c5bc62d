/**
 * What a DAG run and its task instances mean in our words. Pure.
 *
 * Airflow knows no cancelled run: ending one sets it to `failed`, its running tasks to `failed` and
 * its waiting tasks to `skipped`. It does so even to a run that has succeeded a moment before, whose
 * tasks then all stay `success`: such a run has succeeded, whatever its state says.
 */
import type { JobPhase } from '../../core/ports/compute.ts';
import type { PipelineTask } from '../../core/ports/pipeline.ts';
import { revisionFor } from '../connections/polling.ts';
import { deedOf } from './marks.ts';
import type { DagRun, TaskInstance } from './replies.ts';

/** States of task instances that hold a pool slot or a process. */
const ACTIVE = new Set(['queued', 'running', 'restarting', 'deferred', 'awaiting_input']);
const STARTED = new Set(['running', 'restarting', 'deferred', 'awaiting_input']);
const ENDED = new Set(['success', 'failed', 'skipped', 'upstream_failed', 'removed']);

/** Weight of a try against the steps within one. */
const STEPS_OF_A_TRY = 4;

/** Whether Airflow takes the run for ended; its tasks may still be ending. */
export function isOver({ state }: Pick<DagRun, 'state'>): boolean {
  return state === 'success' || state === 'failed';
}

/** The run in one word. A run that is over is live as long as one of its tasks is. */
export function phaseOf(run: DagRun, tasks: readonly TaskInstance[]): JobPhase {
  if (run.state === 'queued') return 'pending';
  if (!isOver(run) || tasks.some(({ state }) => ACTIVE.has(state ?? ''))) return 'running';
  if (run.state === 'success' || wasOverwritten(run, tasks)) return 'succeeded';
  return deedOf(run.note) === 'cancelled' ? 'cancelled' : 'failed';
}

/** A run that we set to `failed` after it had succeeded. */
export function wasOverwritten(run: DagRun, tasks: readonly TaskInstance[]): boolean {
  return (
    run.state === 'failed' &&
    deedOf(run.note) !== null &&
    tasks.length > 0 &&
    tasks.every(({ state }) => state === 'success' || state === 'removed')
  );
}

/** Grows while the phase stays: with each try, start and end of a task, and with each warning. */
export function revisionOf(
  phase: JobPhase,
  tasks: readonly TaskInstance[],
  warnings: readonly string[],
): number {
  return revisionFor(
    phase,
    tasks.reduce((sum, task) => sum + stepsOf(task), warnings.length),
  );
}

/** `try_number` grows when the scheduler takes a task up, so the steps of a try begin anew. */
function stepsOf({ state, try_number: tries, start_date: startedAt }: TaskInstance): number {
  const step = state === 'up_for_retry' ? 2 : ENDED.has(state ?? '') ? 3 : startedAt ? 1 : 0;
  return Math.max(tries, 0) * STEPS_OF_A_TRY + step;
}

/** One task of the run. `over` is whether its run is, so that what has not run will not. */
export function taskOf(task: TaskInstance, over: boolean, runUrl: string): PipelineTask {
  const { task_id: id, map_index: index, state, try_number: tries } = task;
  return {
    name: index < 0 ? id : `${id}[${index}]`,
    phase: taskPhase(state, over),
    reason: `${state ?? 'not scheduled'}${tries > 1 ? `, try ${tries}` : ''}`,
    logUri: index < 0 ? `${runUrl}/tasks/${id}` : `${runUrl}/tasks/${id}/mapped/${index}`,
  };
}

function taskPhase(state: string | null, over: boolean): PipelineTask['phase'] {
  if (state === 'success') return 'succeeded';
  if (state === 'failed') return 'failed';
  if (ENDED.has(state ?? '')) return 'skipped';
  if (STARTED.has(state ?? '')) return 'running';
  return over && !ACTIVE.has(state ?? '') ? 'skipped' : 'pending';
}

/** Why the run is in its phase: its state, what we did to it, and the tasks that failed. */
export function reasonOf(run: DagRun, tasks: readonly TaskInstance[]): string {
  const failed = tasks.filter(({ state }) => state === 'failed').map(({ task_id: id }) => id);
  const deed = deedOf(run.note);
  const parts = [
    `Airflow says ${run.state}`,
    ...(wasOverwritten(run, tasks)
      ? ['all its tasks had succeeded before it was asked to stop']
      : deed === null
        ? []
        : [deed === 'cancelled' ? 'cancelled by us' : 'stopped by us over its time limit']),
    ...(failed.length === 0 ? [] : [`failed tasks: ${failed.join(', ')}`]),
  ];
  return parts.join('; ');
}

/** Seconds from the start of the run to its end, or to now; 0 before it. */
export function runSecondsOf({ start_date: from, end_date: to }: DagRun, now: number): number {
  if (from === null) return 0;
  return Math.max(0, ((to === null ? now : Date.parse(to)) - Date.parse(from)) / 1000);
}
