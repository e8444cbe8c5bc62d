import { CancellationScope, sleep } from '@temporalio/workflow';
import { backendFor } from '../core/backend.ts';
import { clippedText } from '../core/pipeline/compact.ts';
import type { ArtifactRef } from '../core/ports/artifacts.ts';
import type { JobHandle } from '../core/ports/compute.ts';
import type { CapacityUse } from '../core/training/request.ts';
import { medianVerdict, nextDecision } from '../core/tuning/median.ts';
import type { Curve } from '../core/tuning/median.ts';
import { METRICS_FILE } from '../core/tuning/metrics.ts';
import { searchPoints } from '../core/tuning/points.ts';
import type { Point } from '../core/tuning/points.ts';
import type { TrialSummary, TuneRequest } from '../core/tuning/request.ts';
import { nextTrials } from '../core/tuning/search.ts';
import { failure, isCancellation, rootOf } from './failures.ts';
import { control, watch } from './options.ts';
import { runJob } from './run-job.ts';
import type { Followed, JobEnd } from './run-job.ts';

type Outputs = Readonly<Record<string, ArtifactRef>>;

interface Trial {
  readonly summary: TrialSummary;
  readonly outputs: Outputs;
  /** What it has told of the objective. */
  readonly curve: Curve;
  readonly uses: ReadonlyMap<string, CapacityUse>;
}

export interface OwnSearchEnd {
  readonly trials: readonly Trial[];
  /** Why no further trial was made. */
  readonly reason: string;
}

/**
 * A search of our own: each trial is a job on `compute`. It ends when all points were tried, when too
 * many trials failed, or when its time is up; whatever runs then is stopped and waited for, as it is
 * when the run is cancelled.
 */
export class OwnSearch {
  readonly #request: TuneRequest;
  readonly #tell: (trials: readonly TrialSummary[]) => void;
  readonly #points: readonly Point[];
  readonly #trials: Trial[] = [];
  readonly #running = new Map<number, Promise<void>>();
  /** Trials run in it, so that all can be stopped together. */
  readonly #scope = new CancellationScope();
  /** Backend → what an hour costs there, so that it is asked for once. */
  readonly #prices = new Map<string, CapacityUse>();
  #timeIsUp = false;
  /** The cancellation of the run as a whole. */
  #cancelled: unknown = null;
  /** What ends the search: a job of which nobody can tell the end. */
  #fatal: unknown = null;

  constructor(request: TuneRequest, tell: (trials: readonly TrialSummary[]) => void) {
    this.#request = request;
    this.#tell = tell;
    this.#points = searchPoints(request.search);
  }

  /** @throws TUNING_FAILED when too many trials fail; JOB_UNSETTLED; the cancellation */
  async run(): Promise<OwnSearchEnd> {
    const timer = this.#scope.run(() =>
      sleep(`${this.#request.search.timeoutSeconds}s`, { summary: 'time limit of the search' }),
    );
    const timeUp = timer.then(
      () => void (this.#timeIsUp = true),
      (error: unknown) => void (this.#cancelled = error),
    );
    try {
      const reason = await this.#untilOver(timeUp);
      return { trials: this.#trials, reason };
    } finally {
      this.#scope.cancel();
      await Promise.all(this.#running.values());
    }
  }

  async #untilOver(timeUp: Promise<void>): Promise<string> {
    const { search } = this.#request;
    for (;;) {
      if (this.#fatal !== null) throw this.#fatal;
      if (this.#cancelled !== null) {
        await Promise.all(this.#running.values());
        throw this.#fatal ?? this.#cancelled;
      }
      if (this.#timeIsUp) return this.#whenTimeIsUp();
      const summaries = this.#trials.map(({ summary }) => summary);
      const move = nextTrials(search, this.#points.length, summaries);
      if (move.kind === 'end') return move.reason;
      if (move.kind === 'fail') throw failure('TUNING_FAILED', `Cannot tune: ${move.reason}`);
      if (move.kind === 'start') {
        for (let count = 0; count < move.count; count += 1) this.#start(this.#trials.length);
      }
      await Promise.race([...this.#running.values(), timeUp]);
    }
  }

  async #whenTimeIsUp(): Promise<string> {
    this.#scope.cancel();
    await Promise.all(this.#running.values());
    if (this.#fatal !== null) throw this.#fatal;
    return `its time limit of ${this.#request.search.timeoutSeconds} s is over`;
  }

  #start(at: number): void {
    const params = this.#points[at] ?? {};
    const name = `trial-${at + 1}`;
    const summary = { name, phase: 'running', params, value: null, reason: '', billableSeconds: 0 };
    this.#put(at, { summary: summary as TrialSummary, outputs: {}, curve: [], uses: new Map() });
    const run = this.#scope.run(() => this.#runTrial(at, name, params));
    this.#running.set(
      at,
      run.finally(() => this.#running.delete(at)),
    );
  }

  /** Never rejects: what goes wrong is the trial's end, or the search's. */
  async #runTrial(at: number, name: string, params: Point): Promise<void> {
    const uses = new Map(this.#prices);
    const close = (change: Partial<TrialSummary>, outputs: Outputs = {}) => {
      const seconds = [...uses.values()].reduce((sum, use) => sum + use.billableSeconds, 0);
      const trial = this.#trials[at] as Trial;
      const summary = { ...trial.summary, ...change, billableSeconds: seconds };
      this.#put(at, { ...trial, summary, outputs, uses });
    };
    try {
      const end = await this.#runJob(at, name, params, uses);
      const told = await this.#valueOf(at, end);
      close(told, end.outputs);
    } catch (error) {
      const { code, message } = rootOf(error);
      const cancelled = isCancellation(error);
      close({ phase: cancelled ? 'cancelled' : 'failed', reason: clippedText(message) });
      if (code === 'JOB_UNSETTLED') this.#fatal ??= error;
    }
    for (const use of uses.values()) this.#prices.set(use.backend, { ...use, billableSeconds: 0 });
  }

  async #runJob(
    at: number,
    name: string,
    params: Point,
    uses: Map<string, CapacityUse>,
  ): Promise<JobEnd> {
    const { search, backends, on, policy, model, version } = this.#request;
    const { trial } = search;
    return runJob({
      step: name,
      backends,
      ...(on === undefined ? {} : { on }),
      policy,
      checkpoints: policy.attemptsMax > 1,
      model,
      version,
      uses,
      spec: {
        ...trial,
        params: { ...trial.params, ...params },
        outputs: [...new Set([...trial.outputs, METRICS_FILE])],
      },
      ...(search.earlyStopping === 'none'
        ? {}
        : { follow: (backend, handle, seconds) => this.#follow(at, backend, handle, seconds) }),
    });
  }

  /** Watches a trial from one decision to the next. */
  async #follow(
    at: number,
    backend: string,
    handle: JobHandle,
    seconds: number,
  ): Promise<Followed> {
    const { policy, search } = this.#request;
    const watcher = watch(policy.heartbeatTimeoutSeconds, seconds);
    const { objective } = search;
    let curve: Curve = [];
    for (let decideAtShare = nextDecision(0); ;) {
      const input = { backend, handle, policy, objective, curve, decideAtShare };
      const watched = await watcher.superviseTrial(input);
      curve = watched.curve;
      this.#put(at, { ...(this.#trials[at] as Trial), curve });
      const { reading, stalled } = watched;
      if (stalled || reading.phase !== 'running') return { reading, stalled };
      const enough = medianVerdict(curve, this.#completed(), objective);
      if (enough !== null) return { reading, stalled, enough };
      const { step = 0, steps = 1 } = reading.progress ?? {};
      decideAtShare = nextDecision(Math.max(decideAtShare ?? 1, step / steps));
    }
  }

  #completed(): readonly Curve[] {
    return this.#trials
      .filter(({ summary }) => summary.phase === 'succeeded')
      .map(({ curve }) => curve);
  }

  /** What a trial that did not fail came to. */
  async #valueOf(at: number, { stoppedFor, outputs }: JobEnd): Promise<Partial<TrialSummary>> {
    const { objective } = this.#request.search;
    if (stoppedFor !== null) {
      const value = this.#trials[at]?.curve.at(-1)?.value ?? null;
      return { phase: 'stopped', value, reason: stoppedFor };
    }
    const ref = outputs[METRICS_FILE];
    if (ref === undefined) return { phase: 'failed', reason: `it left no ${METRICS_FILE}` };
    const backend = backendFor(this.#request.backends, 'artifacts');
    const value = (await control.readMetrics({ backend, ref }))[objective.metric];
    return value === undefined
      ? { phase: 'failed', reason: `its ${METRICS_FILE} has no "${objective.metric}"` }
      : { phase: 'succeeded', value };
  }

  #put(at: number, trial: Trial): void {
    this.#trials[at] = trial;
    this.#tell(this.#trials.map(({ summary }) => summary));
  }
}
