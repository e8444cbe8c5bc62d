import type { PipelineState } from '../../core/pipeline/request.ts';
import type { TuningState } from '../../core/tuning/request.ts';
import type { RunView } from '../operations/run-view.ts';
import { progressText } from './progress-text.ts';

/** One line on how far a run is, from its state if it has one and from what runs now if not. */
export function runText({ status, state, pending }: RunView): string {
  const now = pending.map(({ activity, attempt, progress }) => {
    const told = progressText(progress);
    return `${activity}${attempt > 1 ? ` (attempt ${attempt})` : ''}${told === '' ? '' : `: ${told}`}`;
  });
  return [status, stateText(state), ...now].filter((part) => part !== '').join(' · ');
}

function stateText(state: unknown): string {
  if (isTuning(state)) {
    const done = state.trials.filter(({ phase }) => !['pending', 'running'].includes(phase)).length;
    const best = state.best === null ? '' : `, best ${state.metric} ${state.best.value}`;
    return `${state.stage}, ${done} of ${state.trialsMax} trials${best}`;
  }
  if (isPipeline(state)) {
    const done = state.tasks.filter(({ phase }) => phase === 'succeeded').length;
    const where = state.backend === null ? '' : ` on ${state.backend}`;
    const tasks = state.tasks.length === 0 ? '' : `, ${done} of ${state.tasks.length} tasks`;
    const again = state.setbacks.length === 0 ? '' : `, ${state.setbacks.length} setbacks`;
    return `${state.stage}${where}${tasks}${again}`;
  }
  return '';
}

function isTuning(state: unknown): state is TuningState {
  return Array.isArray((state as Partial<TuningState> | null)?.trials);
}

function isPipeline(state: unknown): state is PipelineState {
  return Array.isArray((state as Partial<PipelineState> | null)?.tasks);
}
