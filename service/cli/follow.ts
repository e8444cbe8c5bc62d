import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { OrreryError } from '../../core/errors.ts';
import type { LifecycleId } from '../../core/ids.ts';
import { showLifecycle } from '../operations/show-lifecycle.ts';
import type { LifecycleView } from '../operations/show-lifecycle.ts';
import { progressText } from './progress-text.ts';

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
export async function followLifecycle(
  client: Client,
  id: LifecycleId,
  secondsMax: number,
  onChange: (view: LifecycleView) => void,
): Promise<LifecycleView> {
  const until = Date.now() + secondsMax * 1000;
  let heardAt = Date.now();
  let shown = '';
  for (;;) {
    try {
      const view = await showLifecycle(client, id);
      heardAt = Date.now();
      const text = changeText(view);
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
