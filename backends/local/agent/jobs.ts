import { OrreryError } from '../../../core/errors.ts';
import type { JobIntent, JobReading, JobStart } from '../../../core/ports/compute.ts';
import {
  createJobFolder,
  jobFolder,
  jobKeys,
  jobLogPath,
  readIntent,
  readResult,
} from './job-folder.ts';
import { LiveJob } from './live-job.ts';
import type { AgentList, JobOrder } from './protocol.ts';

/** All jobs of a home: the live ones in memory, the ended ones on disk. */
export class Jobs {
  readonly #home: string;
  readonly #live = new Map<string, LiveJob>();

  constructor(home: string) {
    this.#home = home;
  }

  /** Goes on with every job that has no result. */
  async adoptAll(): Promise<void> {
    for (const key of await jobKeys(this.#home)) {
      const folder = jobFolder(this.#home, key);
      try {
        const intent = readIntent(folder);
        if (intent !== null && readResult(folder) === null) this.#watch(folder, intent);
      } catch (error) {
        // One damaged folder must not keep the agent of all others from starting.
        console.error(`Cannot adopt the job ${key}: ${String(error)}, wanted a readable folder`);
      }
    }
  }

  async start(order: JobOrder): Promise<JobStart> {
    const { key, specDigest } = order.intent;
    const folder = jobFolder(this.#home, key);
    const handle = { key, remoteId: key };
    if (readIntent(folder) === null && (await createJobFolder(this.#home, order))) {
      this.#watch(folder, order.intent);
      return { handle, outcome: 'created' };
    }
    const found = readIntent(folder);
    if (found?.specDigest !== specDigest) throw nameTaken(key, found, specDigest);
    const result = readResult(folder);
    const dead = result !== null && result.phase !== 'succeeded';
    return { handle, outcome: dead ? 'dead' : 'adopted' };
  }

  async read(key: string, wait: { since: number; waitMs: number }): Promise<JobReading> {
    const live = this.#live.get(key);
    if (live !== undefined && wait.waitMs > 0) await live.changed(wait.since, wait.waitMs);
    return this.#present(key);
  }

  async checkpoint(key: string): Promise<void> {
    await this.#live.get(key)?.checkpoint();
  }

  async stop(key: string): Promise<JobReading> {
    const live = this.#live.get(key);
    return live === undefined ? this.#present(key) : live.stop('cancel');
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.#live.values()].map((live) => live.shutDown()));
  }

  list(): AgentList['jobs'] {
    return [...this.#live.values()].map((live) => ({
      key: live.intent.key,
      phase: live.reading().phase,
      pid: live.pid,
      kind: live.intent.spec.kind,
      workflowId: live.intent.spec.labels.workflowId,
    }));
  }

  close(): void {
    for (const live of this.#live.values()) live.close();
  }

  #watch(folder: string, intent: JobIntent): void {
    const live = new LiveJob(this.#home, folder, intent);
    this.#live.set(intent.key, live);
    void live.ended.then(() => this.#live.delete(intent.key));
    live.resume();
  }

  #present(key: string): JobReading {
    const folder = jobFolder(this.#home, key);
    const result = readResult(folder);
    return result ?? this.#live.get(key)?.reading() ?? unknownJob(folder);
  }
}

function unknownJob(folder: string): JobReading {
  return {
    phase: 'lost',
    revision: 0,
    progress: null,
    exit: null,
    billableSeconds: 0,
    outputs: {},
    reason: 'the host agent knows no job of this key',
    logUri: jobLogPath(folder),
  };
}

function nameTaken(key: string, found: JobIntent | null, wanted: string): OrreryError {
  return new OrreryError(
    'NAME_TAKEN',
    `Cannot start the job ${key}: the name holds the spec ${found?.specDigest ?? '(none)'} of ${found?.spec.labels.workflowId ?? 'nobody'}, wanted ${wanted}`,
  );
}
