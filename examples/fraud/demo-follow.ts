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

/** Follows one run: each call prints what is new until `done` says so, and answers with the last view. */
export type Follower = (done: (view: View) => boolean) => Promise<View>;

export function follower(options: {
  readonly apiUrl: string;
  readonly model: string;
  readonly version: string;
  readonly tell: (line: string) => void;
}): Follower {
  const { apiUrl, model, version, tell } = options;
  const told = new Set<string>();
  let last = '';
  return async (done) => {
    const until = Date.now() + FOLLOW_MS_MAX;
    for (;;) {
      const view = await viewOf(apiUrl, model, version);
      if (view.failure !== null) throw new Error(`${model} ${version} failed: ${view.failure}`);
      for (const line of newsOf(view).filter((news) => !told.has(news))) {
        told.add(line);
        tell(`${version}  ${line}`);
      }
      const line = lineOf(view);
      if (line !== last) tell(`${version}  ${line}`);
      last = line;
      if (done(view)) return view;
      // A person may take as long as it takes.
      if (Date.now() > until && view.state?.approval == null)
        throw new Error(`${model} ${version} hangs at: ${line}`);
      await sleep(LOOK_MS);
    }
  };
}

/** What was decided so far, each once: gates, and the steps of the rollout. */
function newsOf({ state, rollout }: View): string[] {
  const gates = (state?.gates ?? []).map(
    ({ stage, passed, reason }) => `${passed ? '✔' : '✘'} ${stage}: ${reason}`,
  );
  const finished = (state?.rollouts ?? []).flatMap(({ steps }) => steps);
  const steps = [...finished, ...(rollout?.state.steps ?? [])].map(
    ({ weightPercent, verdict, reason }) => `  ${weightPercent} % ${verdict}: ${reason}`,
  );
  return [...steps, ...gates];
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
  return `${stage.padEnd(16)} $${state.cost.usd.toFixed(4)}  ${detailOf(view, state, rollout?.state ?? null)}`.trimEnd();
}

function detailOf(view: View, state: LifecycleState, rollout: RolloutState | null): string {
  if (rollout !== null) return `${rollout.stage}, ${rollout.weightPercent} % of the traffic`;
  const progress = jobProgress(view);
  if (progress !== null) return `${progress.message} (${progress.step} of ${progress.steps})`;
  return state.outcome ?? '';
}
