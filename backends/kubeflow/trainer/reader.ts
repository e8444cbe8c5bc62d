import { LABELS } from '../../../core/labels.ts';
import { OrreryError } from '../../../core/errors.ts';
import type { JobHandle, JobReading } from '../../../core/ports/compute.ts';
import type { KubernetesClient } from '../../connections/kubernetes/client.ts';
import { Changes } from '../../connections/kubernetes/watch.ts';
import { revisionFor } from '../../connections/polling.ts';
import { assess } from './assessment.ts';
import type { Assessment, Snapshot } from './assessment.ts';
import { lookAt, watchedBy } from './look.ts';
import type { Look } from './look.ts';
import { isLive } from './pods.ts';
import { endRecordOf, writeEnd } from './record.ts';
import type { EndRecord } from './record.ts';
import { JOBSET_LABEL, remoteIdOf } from './train-job.ts';
import type { TrainJob } from './train-job.ts';

/** Other writers between a read and a write of one call. */
const WRITE_TRIES_MAX = 20;
/** What was read is read again after so long, though nothing has changed, milliseconds. */
const SEEN_MS_MAX = 30_000;
/** Jobs of which the last look is remembered. */
const SEEN_MAX = 1000;

interface Seen {
  readonly look: Look;
  readonly token: string | null;
  readonly at: number;
}

/** A reading with what it was made from. */
export interface ReadOnce {
  readonly reading: JobReading;
  /** null for a job that is not there, or is not the one that is meant. */
  readonly snapshot: Snapshot | null;
  /** For `changed`. */
  readonly token: string | null;
}

/**
 * Readings of TrainJobs for any number of watchers, at two requests for a change and two in 30 s
 * without one: what was read is remembered while the watches of the namespace tell no change.
 */
export class TrainJobReader {
  readonly #client: KubernetesClient;
  readonly #changes: Changes;
  /** What was last read of jobs that somebody waits for, by key. */
  readonly #seen = new Map<string, Seen>();

  constructor(client: KubernetesClient) {
    this.#client = client;
    this.#changes = new Changes(client, watchedBy(client));
  }

  /** Ends the watches. */
  close(): void {
    this.#changes.close();
  }

  /** Resolves when the job may have changed since it was read, or after `ms`. */
  changed(key: string, token: string | null, ms: number): Promise<void> {
    return this.#changes.wait(key, token, ms);
  }

  /** Reads, or takes what was read while nothing has changed; records an end that is not recorded yet. */
  async read(handle: JobHandle, mayRemember = false): Promise<ReadOnce> {
    for (let tries = 0; tries < WRITE_TRIES_MAX; tries += 1) {
      const { look, token } = await this.#look(handle.key, mayRemember && tries === 0);
      const { snapshot, pods } = look;
      if (snapshot === null || !isMeant(handle, snapshot.job)) {
        const ending = snapshot === null ? pods.filter(isLive).length : 0;
        return { reading: this.#absent(handle, ending), snapshot: null, token };
      }
      const recorded = endRecordOf(snapshot.job);
      if (recorded !== null) return { reading: this.#ended(handle, recorded), snapshot, token };
      const assessment = assess(snapshot, nowSeconds());
      if (assessment.kind === 'live') {
        return { reading: this.#living(handle, assessment), snapshot, token };
      }
      if (await writeEnd(this.#client, snapshot.job, assessment.record)) {
        return { reading: this.#ended(handle, assessment.record), snapshot, token };
      }
    }
    throw new OrreryError(
      'BACKEND_UNAVAILABLE',
      `Cannot record the end of ${handle.key}: others wrote between read and write ${WRITE_TRIES_MAX} times`,
    );
  }

  async #look(key: string, mayRemember: boolean): Promise<Seen> {
    const token = this.#changes.token(key);
    const seen = this.#seen.get(key);
    const isFresh = seen !== undefined && performance.now() - seen.at < SEEN_MS_MAX;
    if (mayRemember && isFresh && token !== null && seen.token === token) return seen;
    const look = await lookAt(this.#client, key);
    const now: Seen = { look, token, at: performance.now() };
    this.#seen.delete(key);
    if (mayRemember && token !== null) this.#seen.set(key, now);
    // A map keeps the order of insertion: the first has waited longest for somebody to ask again.
    const [oldest] = this.#seen.keys();
    if (this.#seen.size > SEEN_MAX && oldest !== undefined) this.#seen.delete(oldest);
    return now;
  }

  #living({ key }: JobHandle, assessment: Extract<Assessment, { kind: 'live' }>): JobReading {
    const { phase, detail, progress, billableSeconds, reason } = assessment;
    const revision = revisionFor(phase, detail);
    const rest = { exit: null, outputs: {}, logUri: this.#logUri(key) };
    return { phase, revision, progress, billableSeconds, reason, ...rest };
  }

  /** A TrainJob that is gone takes its pods with it; until they are, something still runs. */
  #absent(handle: JobHandle, ending: number): JobReading {
    if (ending === 0) return this.lost(handle, 'there is no such TrainJob');
    return {
      ...this.lost(handle, `its TrainJob was deleted by somebody; ${ending} pods are still ending`),
      phase: 'running',
      revision: revisionFor('running'),
    };
  }

  /** Nothing is there, and nothing runs. */
  lost({ key }: JobHandle, reason: string): JobReading {
    return {
      phase: 'lost',
      revision: revisionFor('lost'),
      progress: null,
      exit: null,
      billableSeconds: 0,
      outputs: {},
      reason,
      logUri: this.#logUri(key),
    };
  }

  #ended(
    { key }: JobHandle,
    { phase, exit, billableSeconds, outputs, reason }: EndRecord,
  ): JobReading {
    return {
      phase,
      revision: revisionFor(phase),
      progress: null,
      exit,
      billableSeconds,
      outputs,
      reason,
      logUri: this.#logUri(key),
    };
  }

  /** The command that shows the log: Kubernetes keeps none that has an address. */
  #logUri(name: string): string {
    return `kubectl logs --namespace ${this.#client.namespace} --selector ${JOBSET_LABEL}=${name} --all-containers`;
  }
}

/** By its remote id; after a start whose reply was lost, by the key that our label repeats. */
function isMeant({ key, remoteId }: JobHandle, job: TrainJob): boolean {
  const isUnread = remoteId === key && job.metadata.labels?.[LABELS.key] === key;
  return isUnread || remoteIdOf(job) === remoteId;
}

/** Since 1970, in whole seconds as Kubernetes tells times. */
export function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
