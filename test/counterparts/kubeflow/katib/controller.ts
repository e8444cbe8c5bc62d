/**
 * Plays Katib: its webhook's verdict, its suggestion service and its controllers, on a real cluster
 * whose real Trainer runs the trials' TrainJobs. Katib itself cannot be had.
 *
 * Differs: it polls; values come from a digest and not from an algorithm; the metric is the value of
 * the first parameter, because no program runs and no sidecar reads one; the webhook's verdict comes as the
 * condition Failed; no early stopping, no suggestion objects, no restart.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import type { KubernetesClient } from '../../../../backends/connections/kubernetes/client.ts';
import {
  conditionOf,
  type Condition,
  type KubernetesObject,
} from '../../../../backends/connections/kubernetes/objects.ts';
import {
  EXPERIMENT_LABEL,
  experimentsPath,
  trialsPath,
  type Assignment,
  type Experiment,
  type ExperimentParameter,
  type Trial,
} from '../../../../backends/kubeflow/katib/objects.ts';
import { digestOf } from '../../../../core/canonical.ts';
import { faultsOf } from './acceptance.ts';

const POLL_MS = 100;

interface Run extends KubernetesObject {
  readonly status?: { readonly conditions?: readonly Condition[] };
}

export class KatibDouble {
  /** What its webhook would have refused. */
  readonly refused: string[] = [];
  /** What went wrong with the double itself. */
  readonly failures: string[] = [];
  readonly #client: KubernetesClient;
  readonly #stop = new AbortController();
  readonly #loop: Promise<void>;

  /** @param client with all rights in the namespace */
  constructor(client: KubernetesClient) {
    this.#client = client;
    this.#loop = this.#run();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        await this.#reconcile();
      } catch (error) {
        // Objects that are deleted meanwhile; a namespace that ends.
        this.failures.push(String(error));
      }
      await sleep(POLL_MS);
    }
  }

  async #reconcile(): Promise<void> {
    const { namespace } = this.#client;
    const { items } = await this.#client.list<Experiment>(experimentsPath(namespace));
    const trials = (await this.#client.list<Trial>(trialsPath(namespace))).items;
    for (const experiment of items) {
      if (experiment.metadata.deletionTimestamp !== undefined) continue;
      const own = trials.filter(
        ({ metadata }) => metadata.labels?.[EXPERIMENT_LABEL] === experiment.metadata.name,
      );
      await this.#reconcileOne(experiment, own);
    }
  }

  async #reconcileOne(experiment: Experiment, trials: readonly Trial[]): Promise<void> {
    const conditions = experiment.status?.conditions;
    if (['Succeeded', 'Failed'].some((type) => conditionOf(conditions, type))) return;
    if (conditions === undefined) {
      const faults = faultsOf(experiment);
      this.refused.push(...faults);
      const type = faults.length === 0 ? 'Running' : 'Failed';
      const message = faults.join('; ') || 'Experiment is running';
      const startTime = nowTime();
      await this.#tell(experiment, { startTime, conditions: [condition(type, message)] });
      return;
    }
    const { maxTrialCount, parallelTrialCount, maxFailedTrialCount } = experiment.spec;
    for (const trial of trials) await this.#observe(experiment, trial);
    const is = (trial: Trial, type: string) =>
      conditionOf(trial.status?.conditions, type) !== undefined;
    const failed = trials.filter((trial) => is(trial, 'Failed')).length;
    const succeeded = trials.filter((trial) => is(trial, 'Succeeded'));
    const live = trials.length - failed - succeeded.length;
    if (failed > maxFailedTrialCount) {
      return this.#end(
        experiment,
        succeeded,
        'Failed',
        'Experiment has failed because max failed count has reached',
      );
    }
    if (succeeded.length >= maxTrialCount) {
      return this.#end(
        experiment,
        succeeded,
        'Succeeded',
        'Experiment has succeeded because max trial count has reached',
      );
    }
    const wanted = Math.min(parallelTrialCount - live, maxTrialCount - succeeded.length - live);
    for (let nth = 0; nth < wanted; nth += 1) await this.#begin(experiment, trials.length + nth);
  }

  async #begin(experiment: Experiment, ordinal: number): Promise<void> {
    const { metadata, spec } = experiment;
    const name = `${metadata.name}-${digestOf([metadata.uid, ordinal]).slice(0, 8)}`;
    const parameterAssignments = spec.parameters.map((parameter) => ({
      name: parameter.name,
      value: suggested(parameter, digestOf([metadata.uid, ordinal, parameter.name])),
    }));
    const { namespace } = this.#client;
    const trial = await this.#client.create<Trial>(trialsPath(namespace), {
      apiVersion: 'kubeflow.org/v1beta1',
      kind: 'Trial',
      metadata: {
        name,
        namespace,
        labels: { [EXPERIMENT_LABEL]: metadata.name },
        ownerReferences: [ownedBy('kubeflow.org/v1beta1', 'Experiment', experiment)],
      },
      spec: { parameterAssignments },
    });
    if (trial === null) return;
    const run = filled(experiment, name, parameterAssignments);
    await this.#client.create(runsPath(run.apiVersion, namespace), {
      ...run,
      metadata: {
        ...run.metadata,
        name,
        namespace,
        ownerReferences: [ownedBy('kubeflow.org/v1beta1', 'Trial', trial)],
      },
    });
    await this.#tellTrial(trial, {
      startTime: nowTime(),
      conditions: [condition('Running', 'Trial is running')],
    });
  }

  async #observe({ spec }: Experiment, trial: Trial): Promise<void> {
    const { conditions = [], startTime } = trial.status ?? {};
    if (['Succeeded', 'Failed'].some((type) => conditionOf(conditions, type))) return;
    const { apiVersion } = spec.trialTemplate.trialSpec as { readonly apiVersion: string };
    const path = `${runsPath(apiVersion, this.#client.namespace)}/${trial.metadata.name}`;
    const run = await this.#client.get<Run>(path);
    const ended = ['Complete', 'Failed'].find((type) => conditionOf(run?.status?.conditions, type));
    if (ended === undefined) return;
    const score = Number(trial.spec.parameterAssignments?.[0]?.value);
    const succeeded = ended === 'Complete';
    const latest = String(score);
    await this.#tellTrial(trial, {
      startTime: startTime ?? nowTime(),
      completionTime: nowTime(),
      conditions: [
        ...conditions.map((past) => ({ ...past, status: 'False' })),
        condition(succeeded ? 'Succeeded' : 'Failed', `Trial has ${ended.toLowerCase()}`),
      ],
      ...(succeeded
        ? {
            observation: {
              metrics: [
                { name: spec.objective.objectiveMetricName, min: latest, max: latest, latest },
              ],
            },
          }
        : {}),
    });
  }

  async #end(
    experiment: Experiment,
    succeeded: readonly Trial[],
    type: 'Succeeded' | 'Failed',
    message: string,
  ): Promise<void> {
    const sign = experiment.spec.objective.type === 'maximize' ? -1 : 1;
    const value = (trial: Trial) => sign * Number(trial.status?.observation?.metrics?.[0]?.latest);
    const best = succeeded.toSorted((a, b) => value(a) - value(b))[0];
    await this.#tell(experiment, {
      startTime: experiment.status?.startTime,
      completionTime: nowTime(),
      conditions: [condition(type, message)],
      ...(best === undefined
        ? {}
        : {
            currentOptimalTrial: {
              bestTrialName: best.metadata.name,
              parameterAssignments: best.spec.parameterAssignments,
              observation: best.status?.observation,
            },
          }),
    });
  }

  async #tell({ metadata }: Experiment, status: object): Promise<void> {
    const path = `${experimentsPath(this.#client.namespace)}/${metadata.name}/status`;
    await this.#client.patch(path, 'merge', { status });
  }

  async #tellTrial({ metadata }: Trial, status: object): Promise<void> {
    const path = `${trialsPath(this.#client.namespace)}/${metadata.name}/status`;
    await this.#client.patch(path, 'merge', { status });
  }
}

function suggested({ feasibleSpace, parameterType }: ExperimentParameter, digest: string): string {
  const draw = Number.parseInt(digest.slice(0, 12), 16) / 16 ** 12;
  const { list, min, max } = feasibleSpace;
  if (list !== undefined) return list[Math.floor(draw * list.length)]!;
  const value = Number(min) + draw * (Number(max) - Number(min));
  return String(parameterType === 'int' ? Math.round(value) : value);
}

/** applyParameters of manifest/generator.go: plain replacement in the template's JSON. */
export function filled(
  { spec }: Pick<Experiment, 'spec'>,
  trialName: string,
  assignments: readonly Assignment[],
) {
  const values = new Map(assignments.map(({ name, value }) => [name, value]));
  const text = spec.trialTemplate.trialParameters.reduce(
    (told, { name, reference }) =>
      told.replaceAll(
        `\${trialParameters.${name}}`,
        reference === '${trialSpec.Name}' ? trialName : values.get(reference)!,
      ),
    JSON.stringify(spec.trialTemplate.trialSpec),
  );
  return JSON.parse(text) as { readonly apiVersion: string; readonly metadata?: object };
}

function runsPath(apiVersion: string, namespace: string): string {
  return `/apis/${apiVersion}/namespaces/${namespace}/trainjobs`;
}

function ownedBy(apiVersion: string, kind: string, { metadata }: KubernetesObject) {
  const { name, uid } = metadata;
  return { apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true };
}

function condition(type: string, message: string) {
  return { type, status: 'True', reason: `Katib${type}`, message, lastTransitionTime: nowTime() };
}

function nowTime(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, 'Z');
}
