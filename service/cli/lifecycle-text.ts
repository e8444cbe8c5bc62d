import { isErrorCode, OrreryError } from '../../core/errors.ts';
import type { HistoryLine } from '../operations/history.ts';
import type { LifecycleList } from '../operations/list-lifecycles.ts';
import type { LifecycleView } from '../operations/show-lifecycle.ts';
import { columns } from './command.ts';
import { progressText } from './progress-text.ts';

export function listText({ lifecycles, more }: LifecycleList): string {
  if (lifecycles.length === 0) return 'No lifecycles';
  const rows = lifecycles.map((run) => [
    run.model ?? run.workflowId,
    run.version ?? '',
    run.stage ?? '',
    run.needsDecision === true ? `${run.status} (waits for you)` : run.status,
    run.costUsd === null ? '' : `$${run.costUsd.toFixed(4)}`,
    run.startedAt,
  ]);
  const table = columns(['MODEL', 'VERSION', 'STAGE', 'STATUS', 'COST', 'STARTED'], rows);
  return more ? `${table}\n… and more: raise --limit` : table;
}

/** The card, and below it what the card does not have: live progress and how the run ended. */
export function viewText(view: LifecycleView): string {
  const parts = [
    view.card ?? `## ${view.model} ${view.version}\n\n${view.status}`,
    ...(view.stateProblem === null ? [] : [`No status: ${view.stateProblem}`]),
    ...(view.rollout === null ? [] : [view.rollout.card]),
    ...(view.pending.length === 0 ? [] : [pendingText(view)]),
    ...(view.failure === null ? [] : [`Failed with ${view.failure}`]),
  ];
  return parts.join('\n\n');
}

function pendingText({ pending }: LifecycleView): string {
  const rows = pending.map((activity) => [
    activity.activity,
    String(activity.attempt),
    progressText(activity.progress),
    activity.heartbeatAt ?? '',
    activity.failure ?? '',
  ]);
  return columns(['RUNNING NOW', 'ATTEMPT', 'PROGRESS', 'HEARD', 'LAST FAILURE'], rows);
}

export function historyText(events: readonly HistoryLine[]): string {
  const rows = events.map((event) => [
    String(event.id),
    event.at ?? '',
    event.event,
    event.name ?? '',
    event.attempt === null ? '' : String(event.attempt),
    event.failure ?? event.summary ?? '',
  ]);
  return columns(['ID', 'AT', 'EVENT', 'NAME', 'ATTEMPT', 'SUMMARY OR FAILURE'], rows);
}

/** The lines of a text that were not in the one before; all of them when nothing was shown yet. */
export function newLines(before: string, after: string): string {
  const known = new Set(before.split('\n'));
  return after
    .split('\n')
    .filter((line) => line !== '' && !known.has(line))
    .join('\n');
}

/** The end of a run is a success only when the version was released. */
export function isReleased(view: LifecycleView): boolean {
  return view.result?.outcome === 'released';
}

/** Why a run failed, as an error with what to do next; null for one that did not fail by a code. */
export function failureOf({ failure }: LifecycleView): OrreryError | null {
  const [, code, message] = /^([A-Z_]+): ([\s\S]*)$/.exec(failure ?? '') ?? [];
  return isErrorCode(code) ? new OrreryError(code, message ?? '') : null;
}
