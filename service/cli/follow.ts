import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { OrreryError } from '../../core/errors.ts';
import type { LifecycleId } from '../../core/ids.ts';
import { showLifecycle } from '../operations/show-lifecycle.ts';
import type { LifecycleView } from '../operations/show-lifecycle.ts';
import { showRun } from '../operations/run-view.ts';
import type { RunView } from '../operations/run-view.ts';
import { progressText } from './progress-text.ts';
import { runText } from './run-text.ts';

const POLL_MS = 1_000;
/** A server that restarts is back long before. */
const SILENCE_MS_MAX = 60_000;
/** Longer than the longest wait for an approval. */
export const FOLLOW_SECONDS_DEFAULT = 91 * 24 * 3600;

/**
 * Calls `onChange` with each view that differs from the one before, until the run ends.
 *
 * @returns the last view; it is still RUNNING when `secondsMax` ran out
 * @throws OrreryError NOT_FOUND, ENGINE_UNREACHABLE after a minute without an answer
 */
export function followLifecycle(
  client: Client,
  id: LifecycleId,
  secondsMax: number,
  onChange: (view: LifecycleView) => void,
): Promise<LifecycleView> {
  return follow(() => showLifecycle(client, id), secondsMax, changeText, onChange);
}

/** The same for any run. */
export function followRun(
  client: Client,
  workflowId: string,
  onChange: (view: RunView) => void,
): Promise<RunView> {
  return follow(() => showRun(client, workflowId), FOLLOW_SECONDS_DEFAULT, runText, onChange);
}

async function follow<View extends { readonly status: string }>(
  show: () => Promise<View>,
  secondsMax: number,
  textOf: (view: View) => string,
  onChange: (view: View) => void,
): Promise<View> {
  const until = Date.now() + secondsMax * 1000;
  let heardAt = Date.now();
  let shown = '';
  for (;;) {
    try {
      const view = await show();
      heardAt = Date.now();
      const text = textOf(view);
      if (text !== shown) onChange(view);
      shown = text;
      if (view.status !== 'RUNNING' || Date.now() >= until) return view;
    } catch (error) {
      const passing = error instanceof OrreryError && error.code === 'ENGINE_UNREACHABLE';
      if (!passing || Date.now() - heardAt > SILENCE_MS_MAX) throw error;
    }
    await sleep(POLL_MS);
  }
}

/** What counts as a change: state and progress, not the time of a heartbeat. */
function changeText({ status, card, rollout, pending, stateProblem }: LifecycleView): string {
  const progress = pending.map((activity) => [
    activity.activity,
    activity.attempt,
    progressText(activity.progress),
  ]);
  return JSON.stringify([status, card, rollout?.card, progress, stateProblem]);
}
