import { OrreryError } from '../../core/errors.ts';
import type {
  Compute,
  JobHandle,
  JobIntent,
  JobReading,
  JobSpec,
  JobStart,
} from '../../core/ports/compute.ts';
import type { RemoteWork } from '../../core/ports/inventory.ts';
import type { SimStore } from './artifacts.ts';
import type { VirtualClock } from './clock.ts';
import { nextChangeAt, planCourse, savedShareAt, shareAt, type End } from './course.ts';
import { outcomeOf, readingOf, revisionOf, unknownJob, type Job } from './job-reading.ts';
import type { Journal } from './journal.ts';
import type { FullScript } from './settings.ts';
import { sleepUntil } from './waiting.ts';

interface Surroundings {
  readonly script: FullScript;
  readonly clock: VirtualClock;
  readonly journal: Journal;
  readonly store: SimStore;
}

/**
 * Jobs as functions of virtual time. A job enters as running, ends where its course says or where
 * `stop` cut it, and is settled (its outcome written down, its outputs stored) by the first call
 * after its end, whatever that call is. A settled job never changes.
 */
export class SimCompute implements Compute {
  readonly #world: Surroundings;
  readonly #jobs = new Map<string, Job>();
  /** Checkpoint scope → share of the work that is saved there, 0–1. */
  readonly #saved = new Map<string, number>();

  constructor(world: Surroundings) {
    this.#world = world;
  }

  /** Takes note of every job whose end has come. */
  settle(): void {
    this.#jobs.forEach((job) => this.#settleJob(job));
  }

  async start(intent: JobIntent): Promise<JobStart> {
    const job = this.#jobs.get(intent.key);
    if (job === undefined) return { handle: this.#create(intent).handle, outcome: 'created' };
    if (job.intent.specDigest !== intent.specDigest) {
      throw new OrreryError(
        'NAME_TAKEN',
        `Cannot start ${intent.key}: a job of this key has the spec ${job.intent.specDigest}, wanted ${intent.specDigest}`,
      );
    }
    const dead = job.outcome !== null && job.outcome.phase !== 'succeeded';
    this.#world.journal.add({ what: dead ? 'job.found-dead' : 'job.adopted', key: intent.key });
    return { handle: job.handle, outcome: dead ? 'dead' : 'adopted' };
  }

  async read(
    { key }: JobHandle,
    waiting?: { readonly since: number; readonly waitMs: number } | null,
  ): Promise<JobReading> {
    const job = this.#jobs.get(key);
    if (job === undefined) return unknownJob(key);
    const { clock, script } = this.#world;
    const steps = script.jobSteps;
    const untilAt = clock.now() + (waiting?.waitMs ?? 0);
    const since = waiting?.since ?? -1;
    while (revisionOf(job, clock.now(), steps) <= since && clock.now() < untilAt) {
      const changeAt = nextChangeAt(job.course, clock.now(), steps) ?? untilAt;
      await this.#wait(job, Math.min(changeAt, untilAt));
    }
    return this.#reading(job);
  }

  async requestCheckpoint({ key }: JobHandle): Promise<void> {
    const job = this.#jobs.get(key);
    if (job === undefined || job.outcome !== null) return;
    this.#world.journal.add({ what: 'job.checkpoint-asked', key });
    this.#save(job, shareAt(job.course, this.#world.clock.now()));
  }

  async stop({ key }: JobHandle): Promise<JobReading> {
    const job = this.#jobs.get(key);
    if (job === undefined) return unknownJob(key);
    if (job.outcome === null && job.course.end.by !== 'stop') this.#askToStop(job);
    while (job.outcome === null) await this.#wait(job, job.course.end.at);
    return this.#reading(job);
  }

  list(usdOf: (spec: JobSpec, billableSeconds: number) => number): readonly RemoteWork[] {
    return [...this.#jobs.values()].map((job) => {
      const { phase, billableSeconds } = this.#reading(job);
      const { spec } = job.intent;
      return {
        port: 'compute',
        ...job.handle,
        phase,
        labels: spec.labels,
        startedAt: new Date(job.course.runsAt).toISOString(),
        billableSeconds,
        costUsd: usdOf(spec, billableSeconds),
      };
    });
  }

  #reading(job: Job): JobReading {
    return readingOf(job, this.#world.clock.now(), this.#world.script);
  }

  #create(intent: JobIntent): Job {
    const { script, clock, journal, store } = this.#world;
    const { key, spec, specDigest } = intent;
    // Missing inputs are told before anything starts, as a real host does when it stages them.
    for (const ref of Object.values(spec.inputs)) store.bytesOf(ref);
    const others = [...this.#jobs.values()];
    const attempt = 1 + others.filter((job) => job.intent.specDigest === specDigest).length;
    const scope = spec.checkpointScope;
    const savedShare = scope === null ? 0 : (this.#saved.get(scope) ?? 0);
    const course = planCourse(script, spec, attempt, clock.now(), savedShare);
    const handle = { key, remoteId: `sim-job-${others.length + 1}` };
    const job: Job = { intent, handle, course, outcome: null, watchers: new Set() };
    this.#jobs.set(key, job);
    const { version, workflowId } = spec.labels;
    journal.add({ what: 'job.started', key, kind: spec.kind, version, workflowId, attempt });
    return job;
  }

  #askToStop(job: Job): void {
    const { script, clock, journal } = this.#world;
    const { key, spec } = job.intent;
    journal.add({ what: 'job.stop-asked', key });
    const at = clock.now() + Math.min(script.stopSeconds, spec.graceSeconds) * 1000;
    // A job that ends by itself before the grace is over keeps its own end.
    if (at >= job.course.end.at) return;
    const end: End = { at, by: 'stop', code: null, signal: 'SIGTERM' };
    job.course = { ...job.course, end };
    for (const changed of job.watchers) changed();
  }

  #settleJob(job: Job): void {
    const { script, clock, journal, store } = this.#world;
    const { end } = job.course;
    if (job.outcome !== null || clock.now() < end.at) return;
    this.#save(job, savedShareAt(job.course, end.at, script.checkpointEveryPercent));
    job.outcome = outcomeOf(job, store, script);
    const { phase } = job.outcome;
    journal.add({ what: 'job.ended', key: job.intent.key, phase }, 'caller', end.at);
  }

  #save(job: Job, share: number): void {
    const scope = job.intent.spec.checkpointScope;
    if (scope !== null) this.#saved.set(scope, Math.max(share, this.#saved.get(scope) ?? 0));
  }

  async #wait(job: Job, untilAt: number): Promise<void> {
    await sleepUntil(this.#world.clock, job.watchers, untilAt);
    this.#settleJob(job);
  }
}
