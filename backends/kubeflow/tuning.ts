import { setTimeout as sleep } from 'node:timers/promises';

import { OrreryError } from '../../core/errors.ts';
import { LABELS, specLabel } from '../../core/labels.ts';
import type {
  Tuning,
  TuningHandle,
  TuningIntent,
  TuningReading,
  TuningStart,
} from '../../core/ports/tuning.ts';
import type { KubernetesClient } from '../connections/kubernetes/client.ts';
import { secondsOf } from '../connections/kubernetes/objects.ts';
import type { KubernetesObject, Pod } from '../connections/kubernetes/objects.ts';
import { isTerminal, revisionFor, STOP_WAIT_MS_MAX, waitForNews } from '../connections/polling.ts';
import { experimentOf, NOTES } from './katib/experiment.ts';
import {
  EXPERIMENT_LABEL,
  experimentName,
  experimentsPath,
  remoteIdOf,
  SEARCH_LABEL,
  trialsPath,
  type Experiment,
  type Trial,
} from './katib/objects.ts';
import { readingOf } from './katib/reading.ts';
import { assertKatibServed } from './katib/served.ts';
import { endOf, readTombstone, writeTombstone, type Tombstone } from './katib/tombstone.ts';
import type { TrainerSettings } from './trainer/settings.ts';
import { JOBSET_LABEL, trainJobsPath } from './trainer/train-job.ts';

/** How often a search is read while somebody waits, milliseconds. */
const POLL_MS = 1000;
/** Names that a key can make; nobody else's can be ours. */
const NAME = /^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$/;

/** What is there of a search. */
interface Look {
  /** The Experiment of the handle; null when it is gone. */
  readonly experiment: Experiment | null;
  readonly reading: TuningReading;
}

/**
 * Searches as Experiments of Katib (kubeflow.org/v1beta1), whose trials are TrainJobs.
 *
 * Start: the Experiment's name comes from the key, so the API server refuses a second one. Stop: a
 * tombstone is written (katib/tombstone.ts), the Experiment is deleted, and the end is told once the
 * Experiment, its trials and all below them are gone. A start that meets a tombstone
 * is dead; one that made its Experiment before it saw the tombstone takes it away again.
 */
export class KatibTuning implements Tuning {
  readonly #client: KubernetesClient;
  readonly #trainer: TrainerSettings;
  #served = false;

  constructor(client: KubernetesClient, trainer: TrainerSettings) {
    this.#client = client;
    this.#trainer = trainer;
  }

  async start(intent: TuningIntent): Promise<TuningStart> {
    if (!this.#served) await assertKatibServed(this.#client);
    this.#served = true;
    const { namespace } = this.#client;
    const wanted = experimentOf(intent, namespace, this.#trainer);
    const name = experimentName(intent.key);
    const ended = await readTombstone(this.#client, name);
    if (ended !== null) return this.#dead(intent, name, ended);
    const path = experimentsPath(namespace);
    const created = await this.#client.create<Experiment>(path, wanted);
    const there = created ?? (await this.#experiment(name));
    if (there === null) {
      throw new OrreryError(
        'BACKEND_UNAVAILABLE',
        `Cannot start ${intent.key}: its name was taken and is free again; the next try has it`,
      );
    }
    const handle = { key: intent.key, remoteId: remoteIdOf(there) };
    if (created === null) return this.#adopt(intent, there, handle);
    const late = await readTombstone(this.#client, name);
    if (late === null) return { handle, outcome: 'created' };
    await this.#delete(created);
    return this.#dead(intent, name, late);
  }

  async read(
    handle: TuningHandle,
    wait?: { readonly since: number; readonly waitMs: number },
  ): Promise<TuningReading> {
    const read = async () => {
      const { experiment, reading } = await this.#look(handle);
      if (experiment !== null && !isTerminal(reading.phase) && isOverdue(experiment)) {
        await writeTombstone(this.#client, experiment, reading, 'timeout');
        await this.#delete(experiment);
        return (await this.#look(handle)).reading;
      }
      return reading;
    };
    return waitForNews(read, wait, { pollMs: POLL_MS });
  }

  async stop(handle: TuningHandle): Promise<TuningReading> {
    const until = Date.now() + STOP_WAIT_MS_MAX;
    for (;;) {
      const { experiment, reading } = await this.#look(handle);
      if (isTerminal(reading.phase)) return reading;
      if (experiment !== null && experiment.metadata.deletionTimestamp === undefined) {
        await writeTombstone(this.#client, experiment, reading, 'stop');
        await this.#delete(experiment);
      }
      if (Date.now() >= until) {
        throw new OrreryError(
          'BACKEND_UNAVAILABLE',
          `Cannot tell the end of ${handle.key}, which was asked to stop ${STOP_WAIT_MS_MAX / 1000} s ago: ${reading.reason}`,
        );
      }
      await sleep(POLL_MS / 5);
    }
  }

  async #adopt(
    { key, specDigest }: TuningIntent,
    there: Experiment,
    handle: TuningHandle,
  ): Promise<TuningStart> {
    const { labels } = there.metadata;
    if (labels?.[LABELS.key] !== key || labels[LABELS.spec] !== specLabel(specDigest)) {
      throw this.#taken(key, there.metadata.name, labels?.[LABELS.spec] ?? 'no label of ours');
    }
    const { phase } = await this.read(handle);
    const dead = phase === 'failed' || phase === 'cancelled' || phase === 'lost';
    return { handle, outcome: dead ? 'dead' : 'adopted' };
  }

  #dead({ key, specDigest }: TuningIntent, name: string, ended: Tombstone): TuningStart {
    if (ended.spec !== specLabel(specDigest)) throw this.#taken(key, name, ended.spec);
    const remoteId = `${this.#client.namespace}/${name}/${ended.uid}`;
    return { handle: { key, remoteId }, outcome: 'dead' };
  }

  #taken(key: string, name: string, held: string): OrreryError {
    return new OrreryError(
      'NAME_TAKEN',
      `Cannot start ${key}: the namespace "${this.#client.namespace}" has the Experiment "${name}" with the spec ${held}, wanted that of ours`,
    );
  }

  async #look(handle: TuningHandle): Promise<Look> {
    const name = experimentName(handle.key);
    const logUri = `kubectl get trials --namespace ${this.#client.namespace} --selector ${EXPERIMENT_LABEL}=${name}`;
    const lost = (reason: string) => ({ experiment: null, reading: lostReading(reason, logUri) });
    if (!NAME.test(name)) return lost('no Experiment can have this name');
    const held = await this.#experiment(name);
    const experiment = held !== null && remoteIdOf(held) === handle.remoteId ? held : null;
    const trials = await this.#listed<Trial>(
      trialsPath(this.#client.namespace),
      `${EXPERIMENT_LABEL}=${name}`,
    );
    if (experiment !== null && experiment.metadata.deletionTimestamp === undefined) {
      const now = Math.floor(Date.now() / 1000);
      return { experiment, reading: readingOf(experiment, trials, { now, logUri }) };
    }
    // A tombstone of another Experiment of this name says nothing about ours.
    const tombstone = await readTombstone(this.#client, name);
    const ours = tombstone !== null && handle.remoteId.endsWith(`/${tombstone.uid}`);
    const left = await this.#left(name, trials.length, experiment !== null);
    if (left === '')
      return ours
        ? { experiment, reading: endOf(tombstone, logUri) }
        : lost('there is no such Experiment');
    const ending = ours ? endOf(tombstone, logUri) : lostReading('', logUri);
    const reading: TuningReading = {
      ...ending,
      phase: 'running',
      revision: revisionFor('running', 1e6),
      trials: ours ? tombstone.trials : [],
      reason: `its Experiment was deleted${ours ? '' : ' by somebody'}; still there: ${left}`,
    };
    return { experiment, reading };
  }

  /** What the deletion has not reached yet, from the trials down to their pods. */
  async #left(name: string, trials: number, experiment: boolean): Promise<string> {
    const { namespace } = this.#client;
    const below = [
      ['TrainJobs', trainJobsPath(namespace), `${SEARCH_LABEL}=${name}`],
      ['JobSets', `/apis/jobset.x-k8s.io/v1alpha2/namespaces/${namespace}/jobsets`, ''],
      ['Jobs', `/apis/batch/v1/namespaces/${namespace}/jobs`, JOBSET_LABEL],
      ['pods', `/api/v1/namespaces/${namespace}/pods`, JOBSET_LABEL],
    ] as const;
    const counts = await Promise.all(
      below.map(async ([kind, path, selector]) => {
        const items = await this.#listed<Pod>(path, selector);
        // Whatever a trial made has its name in front: <experiment>-<8>.
        const own = items.filter(({ metadata }) => metadata.name.startsWith(`${name}-`));
        return [kind, own.filter((item) => !isOver(kind, item)).length] as const;
      }),
    );
    return [['trials', trials] as const, ...counts]
      .filter(([, count]) => count > 0)
      .map(([kind, count]) => `${count} ${kind}`)
      .concat(experiment ? ['the Experiment'] : [])
      .join(', ');
  }

  async #listed<T extends KubernetesObject>(
    path: string,
    labelSelector: string,
  ): Promise<readonly T[]> {
    return (await this.#client.list<T>(path, labelSelector === '' ? {} : { labelSelector })).items;
  }

  #experiment(name: string): Promise<Experiment | null> {
    return this.#client.get<Experiment>(
      `${experimentsPath(this.#client.namespace)}/${encodeURIComponent(name)}`,
    );
  }

  async #delete({ metadata }: Experiment): Promise<void> {
    await this.#client.remove(`${experimentsPath(this.#client.namespace)}/${metadata.name}`, {
      uid: metadata.uid,
      // From the top: what is deleted below a TrainJob that still exists, Trainer makes again.
      propagation: 'Background',
    });
  }
}

/** A pod that has ended holds nothing. */
function isOver(kind: string, { status }: Pod): boolean {
  return kind === 'pods' && (status?.phase === 'Succeeded' || status?.phase === 'Failed');
}

function isOverdue({ metadata, status }: Experiment): boolean {
  const limit = Number(metadata.annotations?.[NOTES.timeoutSeconds] ?? Number.NaN);
  const started = secondsOf(status?.startTime ?? metadata.creationTimestamp);
  return Date.now() / 1000 - started > limit;
}

function lostReading(reason: string, logUri: string): TuningReading {
  return {
    phase: 'lost',
    revision: revisionFor('lost'),
    trials: [],
    best: null,
    billableSeconds: 0,
    reason,
    logUri,
  };
}
