import { setTimeout as sleep } from 'node:timers/promises';
import { STAGES } from '../../core/lifecycle/state.ts';
import type { LifecycleState } from '../../core/lifecycle/state.ts';
import type { JobProgress } from '../../core/ports/compute.ts';
import type { RolloutState } from '../../core/rollout/request.ts';

/** What the HTTP API answers about one lifecycle, as far as the demo looks. */
export interface View {
  readonly state: LifecycleState | null;
  readonly rollout: { readonly state: RolloutState } | null;
  readonly pending: readonly {
    readonly activity: string;
    readonly progress: { readonly progress?: JobProgress | null } | null;
  }[];
  readonly failure: string | null;
}

const LOOK_MS = 250;
/** Longer than any leg takes on a slow machine; then something is wrong. */
const FOLLOW_MS_MAX = 300_000;

export async function viewOf(apiUrl: string, model: string, version: string): Promise<View> {
  const answer = await fetch(`${apiUrl}/v1/lifecycles/${model}/${version}`);
  if (!answer.ok)
    throw new Error(
      `Cannot read ${model} ${version}: HTTP ${answer.status} ${await answer.text()}`,
    );
  return (await answer.json()) as View;
}

/** Prints each change of a run until `done` says so; the last view. */
export async function follow(
  options: {
    readonly apiUrl: string;
    readonly model: string;
    readonly version: string;
    readonly tell: (line: string) => void;
  },
  done: (view: View) => boolean,
): Promise<View> {
  const until = Date.now() + FOLLOW_MS_MAX;
  let last = '';
  for (;;) {
    const view = await viewOf(options.apiUrl, options.model, options.version);
    if (view.failure !== null)
      throw new Error(`${options.model} ${options.version} failed: ${view.failure}`);
    const line = lineOf(view);
    if (line !== last) options.tell(`${options.version}  ${line}`);
    last = line;
    if (done(view)) return view;
    if (Date.now() > until)
      throw new Error(`${options.model} ${options.version} hangs at: ${line}`);
    await sleep(LOOK_MS);
  }
}

export function ended({ state }: View): boolean {
  return state !== null && state.outcome !== null;
}

export function waitsForApproval({ state }: View): boolean {
  return (
    ended({ state, rollout: null, pending: [], failure: null }) ||
    (state?.approval ?? null) !== null
  );
}

/** Progress of the job that is being watched, if one is. */
export function jobProgress({ pending }: View): JobProgress | null {
  return pending.find(({ activity }) => activity === 'superviseJob')?.progress?.progress ?? null;
}

function lineOf(view: View): string {
  const { state, rollout } = view;
  if (state === null) return 'starting';
  const stage = `${STAGES.indexOf(state.stage) + 1} of ${STAGES.length} ${state.stage}`;
  return `${stage.padEnd(16)} $${state.cost.usd.toFixed(4)}  ${detailOf(view, state, rollout?.state ?? null)}`;
}

function detailOf(view: View, state: LifecycleState, rollout: RolloutState | null): string {
  if (rollout !== null) {
    const last = rollout.steps.at(-1);
    const told =
      last === undefined
        ? rollout.reason
        : `${last.weightPercent} % ${last.verdict}: ${last.reason}`;
    return `${rollout.stage} ${rollout.weightPercent} %  ${told}`;
  }
  const progress = jobProgress(view);
  if (progress !== null) return `${progress.message} (${progress.step} of ${progress.steps})`;
  return state.stage === 'done' ? state.reason : (state.gates.at(-1)?.reason ?? '');
}
