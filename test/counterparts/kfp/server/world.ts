/**
 * Plays the API server of Kubeflow Pipelines with its database, Argo and the persistence agent, in
 * memory. Only time and faults are ours: the order of effects is that of
 * backend/src/apiserver/resource/resource_manager.go and storage/run_store.go (2.17), and a contract
 * read from the official client looks at every message.
 *
 * Kept as it is there: CreateRun looks up (recurring run, display name) first, derives the run's id
 * from them, makes the workflow and only then the row; a second row of the same id answers with the first.
 * A workflow without a row whose recurring run exists gets one from the agent, named after the workflow.
 * Terminate writes CANCELING without history, then tells the workflow; what was terminated ends as FAILED.
 * Retry takes a terminal row. Recurring runs have no unique name; experiments, pipelines and versions have.
 * Dates of rows are whole seconds.
 *
 * Differs: single-user, no authorisation by namespace; a `LIKE` of MySQL ignores case and knows
 * wildcards; no pods, no logs, no metadata store; schedules never fire; a retry runs the same course.
 */
import { createHash, randomUUID } from 'node:crypto';

import { Crash, notFound, Refusal } from './refusal.ts';
import type {
  ExperimentRow,
  PipelineRow,
  RecurringRunRow,
  RunRow,
  State,
  VersionRow,
} from './rows.ts';
import { validateInputs } from './rows.ts';
import { changesOf, isEnded, type Workflow } from './workflows.ts';

/** Where a call may be struck: between two effects of the API server. */
export type Point =
  'create:before-workflow' | 'create:after-workflow' | 'create:after-row' | 'terminate:after-row';
/** `crash`: the call ends there. A number: it goes on so many milliseconds later. */
export type Strike = (point: Point, runName: string) => 'crash' | number | null;

const NAMESPACE = Buffer.from('c2f3a9d41e6b4c8a9f7d0b5e3a1c2d4f', 'hex');
/** How soon the agent tells what the API server has not heard, milliseconds. */
const AGENT_MS = 100;
const OPEN: readonly State[] = ['PAUSED', 'PENDING', 'RUNNING'];

export interface RunOrder {
  readonly name: string;
  readonly description: string;
  readonly recurringRunId: string;
  readonly experimentId: string;
  readonly pipelineId: string;
  readonly versionId: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}

export class KfpWorld {
  readonly experiments = new Map<string, ExperimentRow>();
  readonly pipelines = new Map<string, PipelineRow>();
  readonly versions = new Map<string, VersionRow>();
  readonly recurringRuns = new Map<string, RecurringRunRow>();
  readonly runs = new Map<string, RunRow>();
  /** All that were ever made, by name: the ledger. */
  readonly workflows = new Map<string, Workflow>();
  /** Workflows whose row is not written yet. */
  readonly #rowless = new Set<Workflow>();
  /** Runs that may still change, and the index of (recurring run, display name). */
  readonly #live = new Set<RunRow>();
  readonly #byName = new Map<string, RunRow>();
  strike: Strike = () => null;
  /** False: the agent sees a terminated workflow only when it has ended. */
  agentSeesStop = true;

  now(): number {
    return Date.now();
  }

  seconds(): number {
    return Math.floor(this.now() / 1000);
  }

  async pass(point: Point, runName: string): Promise<void> {
    const strike = this.strike(point, runName);
    if (strike === 'crash') throw new Crash(point);
    if (strike !== null) await new Promise((resolve) => setTimeout(resolve, strike));
  }

  async createRun(order: RunOrder): Promise<RunRow> {
    const { name, recurringRunId } = order;
    const existing = this.#byName.get(`${recurringRunId}/${name}`);
    if (recurringRunId !== '' && existing !== undefined) return existing;
    const version = this.#versionOf(order);
    validateInputs(version.spec, order.parameters);
    if (recurringRunId !== '' && !this.recurringRuns.has(recurringRunId)) {
      throw new Refusal(
        'INTERNAL',
        `Failed to create a run due to invalid recurring run id: Invalid input error: RecurringRunId doesn't exist: ${recurringRunId}`,
      );
    }
    const id = recurringRunId === '' ? randomUUID() : deterministicId(`${recurringRunId}/${name}`);
    await this.pass('create:before-workflow', name);
    const workflow = this.#createWorkflow(order, version, id);
    await this.pass('create:after-workflow', name);
    const row = this.#insert({ ...order, versionId: version.id }, workflow);
    await this.pass('create:after-row', name);
    return row;
  }

  async terminateRun(id: string): Promise<void> {
    const run = this.run(id);
    if (!OPEN.includes(run.state)) {
      throw new Refusal(
        'INVALID_ARGUMENT',
        `Failed to terminate run ${id}: Invalid input error: Failed to terminate a run ${id}. Row not found`,
      );
    }
    run.state = 'CANCELING';
    const workflow = this.workflows.get(run.workflow)!;
    try {
      await this.pass('terminate:after-row', run.name);
    } catch (error) {
      workflow.resyncAt.push(this.now() + AGENT_MS);
      throw error;
    }
    workflow.terminatedAt ??= this.now();
  }

  retryRun(id: string): void {
    const run = this.run(id);
    if (run.state !== 'FAILED' && run.state !== 'SUCCEEDED') {
      throw new Refusal(
        'ABORTED',
        `Failed to retry run ${id}: Cannot claim run ${id} for retry: not in a terminal state`,
      );
    }
    if (run.state === 'SUCCEEDED') {
      throw new Refusal('INTERNAL', `Failed to retry run ${id} as it does not allow retries`);
    }
    const workflow = this.workflows.get(run.workflow)!;
    workflow.startedAt = this.now();
    workflow.reportedTo = this.now() - 1;
    workflow.terminatedAt = null;
    workflow.resyncAt.length = 0;
    run.finishedAt = 0;
    run.state = 'RUNNING';
    run.history.push({ state: 'RUNNING', at: this.seconds() });
    this.#live.add(run);
  }

  deleteRun(id: string): void {
    const run = this.run(id);
    this.runs.delete(id);
    this.#live.delete(run);
    this.#byName.delete(`${run.recurringRunId}/${run.name}`);
    this.workflows.delete(run.workflow);
  }

  run(id: string): RunRow {
    this.report();
    const run = this.runs.get(id);
    if (run === undefined) throw notFound('Run', id);
    return run;
  }

  /** What the persistence agent has told by now. */
  report(): void {
    const now = this.now();
    for (const workflow of this.#rowless) {
      if (now < workflow.startedAt + AGENT_MS) continue;
      const job = this.recurringRuns.get(workflow.recurringRunId);
      if (job !== undefined && !this.runs.has(workflow.runId)) {
        const { pipelineId, versionId, experimentId, parameters } = job;
        const rescued = { pipelineId, versionId, experimentId, parameters };
        const { name } = workflow;
        const order = { ...rescued, name, description: '', recurringRunId: job.id };
        this.#insert(order, workflow);
      }
      this.#rowless.delete(workflow);
    }
    for (const run of this.#live) this.#reportRun(run, now);
  }

  isLive(workflow: Workflow): boolean {
    return !isEnded(workflow, this.now());
  }

  /** Live and ended workflows by the run name that they carry. */
  ledger(): ReadonlyMap<string, { readonly made: number; readonly live: number }> {
    const ledger = new Map<string, { made: number; live: number }>();
    for (const workflow of this.workflows.values()) {
      const entry = ledger.get(workflow.runName) ?? { made: 0, live: 0 };
      entry.made += 1;
      if (this.isLive(workflow)) entry.live += 1;
      ledger.set(workflow.runName, entry);
    }
    return ledger;
  }

  #versionOf({ pipelineId, versionId }: RunOrder): VersionRow {
    const latest = [...this.versions.values()]
      .filter((version) => version.pipelineId === pipelineId)
      .toSorted((a, b) => b.createdAt - a.createdAt)[0];
    const version = versionId === '' ? latest : this.versions.get(versionId);
    if (version !== undefined) return version;
    throw new Refusal(
      'INTERNAL',
      `Failed to create a run due to error fetching manifest: ResourceNotFoundError: PipelineVersion ${versionId} not found`,
    );
  }

  #createWorkflow(order: RunOrder, version: VersionRow, runId: string): Workflow {
    if (order.parameters['course'] === 'over-quota') {
      throw new Refusal(
        'INTERNAL',
        `Failed to create a workflow for (${order.name}): workflows.argoproj.io is forbidden: exceeded quota: compute, requested: count/workflows=1, used: 5, limited: 5`,
      );
    }
    const now = this.now();
    const workflow: Workflow = {
      name: `${version.spec.pipelineInfo?.name ?? 'pipeline'}-${randomUUID().slice(0, 5)}`,
      runId,
      runName: order.name,
      about: order.description,
      recurringRunId: order.recurringRunId,
      spec: version.spec,
      parameters: order.parameters,
      startedAt: now,
      terminatedAt: null,
      reportedTo: now - 1,
      resyncAt: [],
    };
    this.workflows.set(workflow.name, workflow);
    this.#rowless.add(workflow);
    return workflow;
  }

  #insert(order: RunOrder, workflow: Workflow): RunRow {
    this.#rowless.delete(workflow);
    const held = this.runs.get(workflow.runId);
    if (held !== undefined) return held;
    const row: RunRow = {
      ...order,
      id: workflow.runId,
      workflow: workflow.name,
      createdAt: this.seconds(),
      finishedAt: 0,
      state: 'PENDING',
      history: [{ state: 'PENDING', at: this.seconds() }],
    };
    this.runs.set(row.id, row);
    this.#live.add(row);
    this.#byName.set(`${row.recurringRunId}/${row.name}`, row);
    return row;
  }

  #reportRun(run: RunRow, now: number): void {
    const workflow = this.workflows.get(run.workflow);
    if (workflow === undefined) return;
    for (const { at, state } of changesOf(workflow, now, this.agentSeesStop)) {
      if (at <= workflow.reportedTo) continue;
      workflow.reportedTo = at;
      run.state = state;
      const seconds = Math.floor(at / 1000);
      if (run.history.at(-1)?.state !== state) run.history.push({ state, at: seconds });
      if (state === 'SUCCEEDED' || state === 'FAILED') {
        run.finishedAt = seconds;
        this.#live.delete(run);
      }
    }
  }
}

/** NewDeterministicUUID of backend/src/common/util/uuid.go. */
function deterministicId(name: string): string {
  const bytes = createHash('sha1').update(NAMESPACE).update(name).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
