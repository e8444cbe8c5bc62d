import type { Condition, KubernetesObject } from '../../connections/kubernetes/objects.ts';

/**
 * The members of Katib's objects that we read or write: experiment_types.go, trial_types.go and
 * common_types.go of kubeflow.org/v1beta1. Its CRDs accept anything; a webhook of Katib validates.
 */
export const KATIB_API = '/apis/kubeflow.org/v1beta1';
/** On every Trial of an Experiment. */
export const EXPERIMENT_LABEL = 'katib.kubeflow.org/experiment';
/** On what the trials run, from our template. */
export const SEARCH_LABEL = 'orrery-search';

export interface Assignment {
  readonly name: string;
  readonly value: string;
}
export interface Observation {
  /** Numbers come as text; `unavailable` where none was told. */
  readonly metrics?: readonly {
    readonly name: string;
    readonly min?: string;
    readonly max?: string;
    readonly latest?: string;
  }[];
}

export interface ExperimentParameter {
  readonly name: string;
  readonly parameterType: 'double' | 'int' | 'discrete' | 'categorical';
  readonly feasibleSpace: {
    readonly min?: string;
    readonly max?: string;
    readonly list?: readonly string[];
    readonly step?: string;
    /** Since Katib 0.18. */
    readonly distribution?: 'uniform' | 'logUniform';
  };
}

interface NamedSetting {
  readonly algorithmName: string;
  readonly algorithmSettings?: readonly Assignment[];
}

export interface ExperimentSpec {
  readonly objective: {
    readonly type: 'minimize' | 'maximize';
    readonly objectiveMetricName: string;
    readonly metricStrategies: readonly { readonly name: string; readonly value: 'latest' }[];
  };
  readonly algorithm: NamedSetting;
  readonly earlyStopping?: NamedSetting;
  readonly parallelTrialCount: number;
  readonly maxTrialCount: number;
  readonly maxFailedTrialCount: number;
  readonly resumePolicy: 'Never';
  readonly parameters: readonly ExperimentParameter[];
  readonly metricsCollectorSpec: { readonly collector: { readonly kind: 'StdOut' } };
  readonly trialTemplate: {
    readonly primaryContainerName: string;
    readonly successCondition: string;
    readonly failureCondition: string;
    readonly trialParameters: readonly {
      readonly name: string;
      readonly description: string;
      readonly reference: string;
    }[];
    readonly trialSpec: object;
  };
}

export interface Experiment extends KubernetesObject {
  readonly spec: ExperimentSpec;
  readonly status?: {
    readonly startTime?: string;
    readonly completionTime?: string;
    readonly conditions?: readonly Condition[];
    readonly currentOptimalTrial?: {
      readonly bestTrialName?: string;
      readonly parameterAssignments?: readonly Assignment[];
      readonly observation?: Observation;
    };
  };
}

export interface Trial extends KubernetesObject {
  readonly spec: { readonly parameterAssignments?: readonly Assignment[] };
  readonly status?: {
    readonly startTime?: string;
    readonly completionTime?: string;
    readonly conditions?: readonly Condition[];
    readonly observation?: Observation;
  };
}

export const experimentsPath = (namespace: string) =>
  `${KATIB_API}/namespaces/${namespace}/experiments`;
export const trialsPath = (namespace: string) => `${KATIB_API}/namespaces/${namespace}/trials`;

/**
 * Katib's webhook refuses names of more than 40 characters, and JobSet those whose pods would have more
 * than 63: a pod of a trial is `<experiment>-<8>-node-<job>-<node>-<5>`. So it is the first part of
 * the key: a letter and 116 bits of its digest.
 */
const NAME_CHARACTERS = 30;
export function experimentName(key: string): string {
  return key.slice(0, NAME_CHARACTERS);
}

/** Another object under the same name has another uid. */
export function remoteIdOf({ metadata }: Experiment): string {
  return `${metadata.namespace ?? ''}/${metadata.name}/${metadata.uid}`;
}
