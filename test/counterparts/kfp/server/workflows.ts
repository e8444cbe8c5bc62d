import type { PipelineIr, State } from './rows.ts';

/**
 * What Argo does with a workflow, by the run's parameter `course`:
 * `succeeds` and `fails` after `ms`; `runs-long` until it is stopped, and then fails as Argo does;
 * `outruns` until it is stopped, and then succeeds all the same; `over-quota` is refused by Kubernetes.
 */
export interface Workflow {
  /** `generateName` of Argo: unique, and never derived from the run. */
  readonly name: string;
  /** Label `pipeline/runid`. */
  readonly runId: string;
  /** Annotation `pipelines.kubeflow.org/run_name`: the run's display name. */
  readonly runName: string;
  /** The description that its run was asked for with: for the ledger alone, Argo has none of it. */
  readonly about: string;
  /** Owner: the recurring run, or empty. */
  readonly recurringRunId: string;
  readonly spec: PipelineIr;
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Milliseconds since 1970, of this attempt. */
  startedAt: number;
  /** When `activeDeadlineSeconds` became 0. */
  terminatedAt: number | null;
  /** Up to when its changes were reported to the API server. */
  reportedTo: number;
  /** Further reports of the present state: the persistence agent's resync. */
  readonly resyncAt: number[];
}

export interface Change {
  readonly at: number;
  readonly state: State;
}
/** Milliseconds from the order to the end, and from the beginning to running. */
const STOP_MS = 40;
const START_MS = 10;
const DEFAULT_MS = 60;

/** Every state of the workflow so far as the persistence agent reports it, oldest first. */
export function changesOf(workflow: Workflow, now: number, agentSeesStop: boolean): Change[] {
  const { startedAt, terminatedAt, parameters } = workflow;
  const course = parameters['course'] ?? 'succeeds';
  const endsAt =
    course === 'succeeds' || course === 'fails'
      ? startedAt + Number(parameters['ms'] ?? DEFAULT_MS)
      : Infinity;
  const stops = terminatedAt !== null && terminatedAt < endsAt;
  const changes: Change[] = [
    { at: startedAt, state: 'PENDING' },
    { at: startedAt + START_MS, state: 'RUNNING' },
  ];
  if (stops) {
    if (agentSeesStop) changes.push({ at: terminatedAt, state: 'CANCELING' });
    const state = course === 'outruns' ? 'SUCCEEDED' : 'FAILED';
    changes.push({ at: terminatedAt + STOP_MS, state });
  } else if (endsAt < Infinity) {
    changes.push({ at: endsAt, state: course === 'fails' ? 'FAILED' : 'SUCCEEDED' });
  }
  const past = changes.filter(({ at }) => at <= now).toSorted((a, b) => a.at - b.at);
  for (const at of workflow.resyncAt.filter((due) => due <= now)) {
    const present = past.findLast((change) => change.at <= at)?.state;
    if (present !== undefined) past.push({ at, state: present });
  }
  return past.toSorted((a, b) => a.at - b.at);
}

export function isEnded(workflow: Workflow, now: number): boolean {
  const last = changesOf(workflow, now, true).at(-1)?.state;
  return last === 'SUCCEEDED' || last === 'FAILED';
}

/** Tasks of the root, one after the other; a failed run fails in its last one. */
export function taskDetails(workflow: Workflow, state: State, runId: string) {
  const names = Object.keys(workflow.spec.root?.dag?.tasks ?? {});
  const over = state === 'SUCCEEDED' || state === 'FAILED';
  return names.map((name, at) => {
    const last = at === names.length - 1;
    const taskState: State = !over
      ? 'RUNNING'
      : state === 'FAILED' && last
        ? 'FAILED'
        : 'SUCCEEDED';
    const component = workflow.spec.root?.dag?.tasks?.[name]?.componentRef?.name ?? '';
    const outputs = Object.keys(
      workflow.spec.components?.[component]?.outputDefinitions?.artifacts ?? {},
    );
    const cause = workflow.terminatedAt === null ? 'exit code 3' : 'exceeded its deadline';
    return {
      run_id: runId,
      task_id: `${runId}-${at}`,
      display_name: name,
      state: taskState,
      ...(taskState === 'FAILED'
        ? { error: { code: 13, message: `task ${name}: ${cause}`, details: [] } }
        : {}),
      ...(taskState === 'SUCCEEDED'
        ? {
            outputs: Object.fromEntries(
              outputs.map((output, nth) => [output, { artifact_ids: [`${at}${nth}7`] }]),
            ),
          }
        : {}),
      state_history: [],
    };
  });
}
