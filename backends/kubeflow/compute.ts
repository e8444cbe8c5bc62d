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
import { revisionFor, STOP_WAIT_MS_MAX } from '../connections/polling.ts';
import type { Snapshot } from './trainer/assessment.ts';
import { firstStart, heldSeconds, isLive, isRunning } from './trainer/pods.ts';
import { stopMarkOf, writeStop } from './trainer/record.ts';
import { nowSeconds, TrainJobReader } from './trainer/reader.ts';
import { assertTrainerServed } from './trainer/served.ts';
import type { TrainerSettings } from './trainer/settings.ts';
import {
  PROGRAM_CONTAINER,
  remoteIdOf,
  trainJobOf,
  trainJobPath,
  trainJobsPath,
} from './trainer/train-job.ts';
import type { TrainJob } from './trainer/train-job.ts';

/** Names that a TrainJob can have (RFC 1035 label); nobody else's can be ours. */
const NAME = /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/;
/** Names that were taken and are free again while one call tries to have them. */
const CREATE_TRIES_MAX = 3;
/** How often a stop looks whether all below the job is at rest, milliseconds. */
const STOP_POLL_MS = 1000;

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
  readonly #reader: TrainJobReader;
  #served = false;

  constructor(client: KubernetesClient, settings: TrainerSettings) {
    this.#client = client;
    this.#settings = settings;
    this.#reader = new TrainJobReader(client);
  }

  /** Ends the watches. */
  close(): void {
    this.#reader.close();
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
    if (!NAME.test(handle.key)) return this.#reader.lost(handle, 'no TrainJob can have this name');
    const until = Date.now() + (wait?.waitMs ?? 0);
    for (;;) {
      const { reading, token } = await this.#reader.read(handle, wait !== undefined);
      if (wait === undefined || reading.revision > wait.since) return reading;
      if (wait.since >= revisionFor('succeeded') && isLivePhase(reading.phase)) {
        throw new OrreryError(
          'STATE_CONTRADICTED',
          `Cannot go on from a terminal state: ${handle.key} is ${reading.phase} again (${reading.reason})`,
        );
      }
      const leftMs = until - Date.now();
      if (leftMs <= 0) return { ...reading, revision: Math.max(reading.revision, wait.since) };
      await this.#reader.changed(handle.key, token, leftMs);
    }
  }

  /** SIGUSR1 by way of `pods/exec` to the program of every running pod, each once. */
  async requestCheckpoint(handle: JobHandle): Promise<void> {
    const { reading, snapshot } = await this.#reader.read(handle);
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
    if (fault !== undefined && isLivePhase((await this.#reader.read(handle)).reading.phase))
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
    if (!NAME.test(handle.key)) return this.#reader.lost(handle, 'no TrainJob can have this name');
    const until = Date.now() + STOP_WAIT_MS_MAX;
    for (;;) {
      const { reading, token, snapshot } = await this.#reader.read(handle);
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
      // JobSets and Jobs are not watched, and tell the end too.
      await this.#reader.changed(handle.key, token, Math.min(leftMs, STOP_POLL_MS));
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

  #handle(job: TrainJob): JobHandle {
    return { key: job.metadata.name, remoteId: remoteIdOf(job) };
  }
}

function isLivePhase(phase: JobPhase): boolean {
  return phase === 'pending' || phase === 'running';
}

function isBeingStopped({ job }: Snapshot): boolean {
  return job.spec.suspend === true && stopMarkOf(job) !== null;
}
