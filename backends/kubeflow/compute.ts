import { LABELS, specLabel } from '../../core/labels.ts';
import { OrreryError } from '../../core/errors.ts';
import type {
  Compute,
  JobHandle,
  JobIntent,
  JobPhase,
  JobReading,
  JobStart,
} from '../../core/ports/compute.ts';
import type { KubernetesClient } from '../connections/kubernetes/client.ts';
import { changeIn } from '../connections/kubernetes/watch.ts';
import { revisionFor, STOP_WAIT_MS_MAX } from '../connections/polling.ts';
import { assess } from './trainer/assessment.ts';
import type { Snapshot } from './trainer/assessment.ts';
import { firstStart, heldSeconds, isLive, isRunning } from './trainer/pods.ts';
import { endRecordOf, stopMarkOf, writeEnd, writeStop } from './trainer/record.ts';
import type { EndRecord } from './trainer/record.ts';
import { assertTrainerServed } from './trainer/served.ts';
import type { TrainerSettings } from './trainer/settings.ts';
import {
  JOBSET_LABEL,
  PROGRAM_CONTAINER,
  remoteIdOf,
  trainJobOf,
  trainJobPath,
  trainJobsPath,
} from './trainer/train-job.ts';
import type { TrainJob } from './trainer/train-job.ts';
import { lookAt } from './trainer/look.ts';

/** Names that a TrainJob can have (RFC 1035 label); nobody else's can be ours. */
const NAME = /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/;
/** Names that were taken and are free again while one call tries to have them. */
const CREATE_TRIES_MAX = 3;
/** Other writers between a read and a write of one call. */
const WRITE_TRIES_MAX = 20;

/**
 * Jobs as TrainJobs of Kubeflow Trainer (trainer.kubeflow.org/v1alpha1, v2.2 and newer).
 *
 * Start: the TrainJob's name is the key, so the API server refuses a second one; on 409 the one that
 * is there is read and its digest label compared. Stop: suspended and marked in one write, then read
 * until everything below it is suspended and no pod is left; the object stays, so that its name stays
 * taken and its end can be told (trainer/record.ts). Read: what is there, or the recorded end.
 */
export class TrainerCompute implements Compute {
  readonly #client: KubernetesClient;
  readonly #settings: TrainerSettings;
  #served = false;

  constructor(client: KubernetesClient, settings: TrainerSettings) {
    this.#client = client;
    this.#settings = settings;
  }

  async start(intent: JobIntent): Promise<JobStart> {
    if (!this.#served) await assertTrainerServed(this.#client);
    this.#served = true;
    const wanted = trainJobOf(intent, this.#client.namespace, this.#settings);
    for (let tries = 0; tries < CREATE_TRIES_MAX; tries += 1) {
      const created = await this.#client.create<TrainJob>(
        trainJobsPath(this.#client.namespace),
        wanted,
      );
      if (created !== null) return { handle: this.#handle(created), outcome: 'created' };
      const there = await this.#client.get<TrainJob>(
        trainJobPath(this.#client.namespace, intent.key),
      );
      if (there !== null) return this.#adopt(intent, there);
    }
    throw new OrreryError(
      'BACKEND_UNAVAILABLE',
      `Cannot start ${intent.key}: its name was taken and free again ${CREATE_TRIES_MAX} times`,
    );
  }

  async #adopt({ key, specDigest }: JobIntent, there: TrainJob): Promise<JobStart> {
    const { labels } = there.metadata;
    if (labels?.[LABELS.key] !== key || labels[LABELS.spec] !== specLabel(specDigest)) {
      throw new OrreryError(
        'NAME_TAKEN',
        `Cannot start ${key}: the namespace "${this.#client.namespace}" has a TrainJob of this name with ${labels?.[LABELS.key] === key ? `the spec ${labels[LABELS.spec]}` : 'no label of ours'}, wanted ${specLabel(specDigest)}`,
      );
    }
    const handle = this.#handle(there);
    const { phase } = await this.read(handle);
    const isDead = phase === 'failed' || phase === 'cancelled' || phase === 'lost';
    return { handle, outcome: isDead ? 'dead' : 'adopted' };
  }

  async read(handle: JobHandle, wait?: { since: number; waitMs: number }): Promise<JobReading> {
    if (!NAME.test(handle.key)) return this.#lost(handle, 'no TrainJob can have this name');
    const until = Date.now() + (wait?.waitMs ?? 0);
    for (;;) {
      const { reading, watchFrom } = await this.#readOnce(handle);
      if (wait === undefined || reading.revision > wait.since) return reading;
      if (wait.since >= revisionFor('succeeded') && isLivePhase(reading.phase)) {
        throw new OrreryError(
          'STATE_CONTRADICTED',
          `Cannot go on from a terminal state: ${handle.key} is ${reading.phase} again (${reading.reason})`,
        );
      }
      const leftMs = until - Date.now();
      if (leftMs <= 0) return { ...reading, revision: Math.max(reading.revision, wait.since) };
      await changeIn(this.#client, watchFrom, leftMs);
    }
  }

  /** SIGUSR1 by way of `pods/exec` to the program of every running pod, each once. */
  async requestCheckpoint(handle: JobHandle): Promise<void> {
    const { reading, snapshot } = await this.#readOnce(handle);
    if (!isLivePhase(reading.phase) || snapshot === null) return;
    const command = this.#settings.checkpointCommand;
    if (command === null) {
      throw new OrreryError(
        'OPERATION_UNSUPPORTED',
        `Cannot ask ${handle.key} for a checkpoint: the settings forbid it, wanted "trainer.checkpointCommand"`,
      );
    }
    const asked = snapshot.pods.filter(isRunning).map(({ metadata }) => metadata.name);
    const ends = await Promise.all(asked.map((pod) => this.#checkpointOne(handle, pod, command)));
    const fault = ends.find((end) => end !== null);
    // A program that ended while it was asked has nothing left to save.
    if (fault !== undefined && isLivePhase((await this.#readOnce(handle)).reading.phase))
      throw fault;
  }

  /** null when it was asked, else why it could not be. */
  async #checkpointOne(
    { key }: JobHandle,
    pod: string,
    command: readonly string[],
  ): Promise<OrreryError | null> {
    try {
      const end = await this.#client.exec({ pod, container: PROGRAM_CONTAINER, command });
      if (end.succeeded) return null;
      return new OrreryError(
        'SPEC_REJECTED',
        `Cannot ask ${key} for a checkpoint: ${JSON.stringify(command)} failed in ${pod} (${end.told})`,
      );
    } catch (error) {
      if (error instanceof OrreryError) return error;
      throw error;
    }
  }

  async stop(handle: JobHandle): Promise<JobReading> {
    if (!NAME.test(handle.key)) return this.#lost(handle, 'no TrainJob can have this name');
    const until = Date.now() + STOP_WAIT_MS_MAX;
    for (;;) {
      const { reading, watchFrom, snapshot } = await this.#readOnce(handle);
      if (!isLivePhase(reading.phase)) return reading;
      if (snapshot !== null && !isBeingStopped(snapshot)) {
        await this.#suspend(snapshot);
        continue;
      }
      const leftMs = until - Date.now();
      if (leftMs <= 0) {
        throw new OrreryError(
          'BACKEND_UNAVAILABLE',
          `Cannot tell the end of ${handle.key}, which was asked to stop ${STOP_WAIT_MS_MAX / 1000} s ago: it is still ${reading.phase} (${reading.reason})`,
        );
      }
      await changeIn(this.#client, watchFrom, Math.min(leftMs, 1000));
    }
  }

  /** A write that lost against another writer changes nothing: the caller reads anew. */
  #suspend({ job, pods }: Snapshot): Promise<boolean> {
    const at = nowSeconds();
    const holding = pods.filter((pod) => isLive(pod) && pod.status?.startTime !== undefined);
    // A job that somebody resumed after it was stopped has held capacity before.
    const before = stopMarkOf(job);
    return writeStop(this.#client, job, {
      at,
      billableSeconds: (before?.billableSeconds ?? 0) + heldSeconds(pods, at),
      pods: holding.length,
      startedAt: before?.startedAt ?? firstStart(pods),
    });
  }

  /** Reads, and records an end that is not recorded yet. */
  async #readOnce(handle: JobHandle) {
    for (let tries = 0; tries < WRITE_TRIES_MAX; tries += 1) {
      const look = await lookAt(this.#client, handle.key);
      const { snapshot, pods, watchFrom } = look;
      if (snapshot === null || !isMeant(handle, snapshot.job)) {
        return {
          reading: this.#absent(handle, snapshot === null ? pods.filter(isLive).length : 0),
          snapshot: null,
          watchFrom,
        };
      }
      const recorded = endRecordOf(snapshot.job);
      if (recorded !== null) {
        return { reading: this.#ended(handle, recorded), snapshot, watchFrom };
      }
      const assessment = assess(snapshot, nowSeconds());
      if (assessment.kind === 'live') {
        const { phase, detail, progress, billableSeconds, reason } = assessment;
        const revision = revisionFor(phase, detail);
        const rest = { exit: null, outputs: {}, logUri: this.#logUri(handle.key) };
        const reading = { phase, revision, progress, billableSeconds, reason, ...rest };
        return { reading, snapshot, watchFrom };
      }
      if (await writeEnd(this.#client, snapshot.job, assessment.record)) {
        return { reading: this.#ended(handle, assessment.record), snapshot, watchFrom };
      }
    }
    throw new OrreryError(
      'BACKEND_UNAVAILABLE',
      `Cannot record the end of ${handle.key}: others wrote between read and write ${WRITE_TRIES_MAX} times`,
    );
  }

  /** A TrainJob that is gone takes its pods with it; until they are, something still runs. */
  #absent(handle: JobHandle, ending: number): JobReading {
    if (ending === 0) return this.#lost(handle, 'there is no such TrainJob');
    return {
      ...this.#lost(
        handle,
        `its TrainJob was deleted by somebody; ${ending} pods are still ending`,
      ),
      phase: 'running',
      revision: revisionFor('running'),
    };
  }

  #lost({ key }: JobHandle, reason: string): JobReading {
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

  #handle(job: TrainJob): JobHandle {
    return { key: job.metadata.name, remoteId: remoteIdOf(job) };
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

function isLivePhase(phase: JobPhase): boolean {
  return phase === 'pending' || phase === 'running';
}

function isBeingStopped({ job }: Snapshot): boolean {
  return job.spec.suspend === true && stopMarkOf(job) !== null;
}

function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
