import { LABELS, specLabel } from '../../../core/labels.ts';
import { OrreryError } from '../../../core/errors.ts';
import type { WorkLabels } from '../../../core/labels.ts';
import type { JobIntent, JobSpec } from '../../../core/ports/compute.ts';
import { isLabelValue } from '../../connections/kubernetes/objects.ts';
import type { Condition, KubernetesObject } from '../../connections/kubernetes/objects.ts';
import type { TrainerSettings } from './settings.ts';

export const TRAINER_GROUP = 'trainer.kubeflow.org';
export const TRAINER_VERSION = 'v1alpha1';
/** On JobSets, Jobs and pods of a TrainJob: the JobSet has the TrainJob's name. */
export const JOBSET_LABEL = 'jobset.sigs.k8s.io/jobset-name';
/** The container that runs the program, by the convention of Trainer's runtimes. */
export const PROGRAM_CONTAINER = 'node';
/** Who owns our entry of `runtimePatches`. */
const PATCH_MANAGER = 'orrery.dev/worker';

/** Facts that are no labels: their values may be longer, and hold slashes. */
export const ANNOTATIONS = {
  ...LABELS,
  /** JSON of the job's resources, by which its cost is told. */
  resources: 'orrery-resources',
  /** JSON of a `StopMark`. */
  stop: 'orrery-stop',
  /** JSON of an `EndRecord`. */
  end: 'orrery-end',
} as const;

/** The members of a TrainJob that we read; trainjob_types.go of Trainer v2.3.0. */
export interface TrainJob extends KubernetesObject {
  readonly spec: {
    readonly suspend?: boolean;
    readonly activeDeadlineSeconds?: number;
    readonly trainer?: {
      readonly numNodes?: number;
      readonly env?: readonly { readonly name: string; readonly value?: string }[];
    };
  };
  readonly status?: {
    readonly conditions?: readonly Condition[];
    /** Behind Trainer's feature gate TrainJobStatus (alpha): what the program pushes of itself. */
    readonly trainerStatus?: {
      readonly progressPercentage?: number;
      readonly estimatedRemainingSeconds?: number;
      readonly metrics?: readonly { readonly name: string; readonly value: string }[];
      readonly lastUpdatedTime?: string;
    };
  };
}

export function trainJobsPath(namespace: string): string {
  return `/apis/${TRAINER_GROUP}/${TRAINER_VERSION}/namespaces/${namespace}/trainjobs`;
}
export function trainJobPath(namespace: string, name: string): string {
  return `${trainJobsPath(namespace)}/${encodeURIComponent(name)}`;
}

/** The far side's own name of a job: another object under the same name has another uid. */
export function remoteIdOf({ metadata }: TrainJob): string {
  return `${metadata.namespace ?? ''}/${metadata.name}/${metadata.uid}`;
}

/**
 * The TrainJob of an intent. Its name is the key, so that the API server itself refuses a second one.
 *
 * @throws OrreryError TOOL_MISSING for a word that the settings do not know, PORT_MISSING for a kind
 * of job without a runtime
 */
export function trainJobOf(
  intent: JobIntent,
  namespace: string,
  settings: TrainerSettings,
): object {
  const { key, specDigest, spec } = intent;
  const { cpus, memoryMiB } = spec.resources;
  const { image, command } = programOf(spec.command, settings);
  const runtime = runtimeOf(spec.kind, settings);
  const amounts = { cpu: String(cpus), memory: `${memoryMiB}Mi` };
  return {
    apiVersion: `${TRAINER_GROUP}/${TRAINER_VERSION}`,
    kind: 'TrainJob',
    metadata: {
      name: key,
      namespace,
      labels: labelsOf(key, specDigest, spec.labels),
      annotations: {
        [ANNOTATIONS.model]: spec.labels.model,
        [ANNOTATIONS.version]: spec.labels.version,
        [ANNOTATIONS.workflowId]: spec.labels.workflowId,
        [ANNOTATIONS.resources]: JSON.stringify({ cpus, memoryMiB }),
      },
    },
    spec: {
      runtimeRef: { name: runtime.name, kind: runtime.kind },
      activeDeadlineSeconds: Math.max(1, Math.ceil(spec.timeoutSeconds)),
      trainer: {
        ...(image === undefined ? {} : { image }),
        command,
        numNodes: runtime.nodes,
        resourcesPerNode: { requests: amounts, limits: amounts },
        env: Object.entries(environmentOf(intent, settings)).map(([name, value]) => ({
          name,
          value,
        })),
      },
      runtimePatches: [
        {
          manager: PATCH_MANAGER,
          trainingRuntimeSpec: {
            template: {
              spec: {
                replicatedJobs: [
                  {
                    name: PROGRAM_CONTAINER,
                    template: {
                      spec: {
                        template: {
                          spec: { terminationGracePeriodSeconds: Math.ceil(spec.graceSeconds) },
                        },
                      },
                    },
                  },
                ],
              },
            },
          },
        },
      ],
    },
  };
}

/** Model and version are labels too where their text can be one, for people who list. */
function labelsOf(key: string, specDigest: string, { model, version }: WorkLabels) {
  return {
    [LABELS.managed]: 'true',
    [LABELS.key]: key,
    [LABELS.spec]: specLabel(specDigest),
    ...(isLabelValue(model) ? { [LABELS.model]: model } : {}),
    ...(isLabelValue(version) ? { [LABELS.version]: version } : {}),
  };
}

/** docs/jobs.md, “On a far side”. */
function environmentOf({ key, spec }: JobIntent, { outputUri }: TrainerSettings) {
  return {
    ORRERY_JOB_KEY: key,
    ORRERY_PARAMS_JSON: JSON.stringify(spec.params),
    ORRERY_INPUTS_JSON: JSON.stringify(spec.inputs),
    ORRERY_OUTPUTS_JSON: JSON.stringify(spec.outputs),
    ORRERY_OUTPUT_URI: `${outputUri}/${key}`,
    ...(spec.checkpointScope === null
      ? {}
      : { ORRERY_CHECKPOINT_URI: `${outputUri}/checkpoints/${spec.checkpointScope}` }),
    ORRERY_MANIFEST_FILE: '/dev/termination-log',
    ORRERY_GRACE_SECONDS: String(spec.graceSeconds),
  };
}

/** A variable that we gave the program. */
export function variableOf(job: TrainJob, name: string): string | undefined {
  return job.spec.trainer?.env?.find((variable) => variable.name === name)?.value;
}

/** Where the labels of our work are read back from. */
export function workLabelsOf({ metadata }: TrainJob): WorkLabels {
  const told = (name: string) => metadata.annotations?.[name] ?? metadata.labels?.[name] ?? '';
  return {
    model: told(ANNOTATIONS.model),
    version: told(ANNOTATIONS.version),
    workflowId: told(ANNOTATIONS.workflowId),
  };
}

function programOf(command: readonly string[], { programs }: TrainerSettings) {
  const [first = '', ...rest] = command;
  if (first.includes('/')) return { image: undefined, command };
  const program = Object.hasOwn(programs, first) ? programs[first] : undefined;
  if (program === undefined) {
    throw new OrreryError(
      'TOOL_MISSING',
      `Cannot run "${first}": the kubeflow backend knows no such program, wanted a path or one of ${Object.keys(programs).toSorted().join(', ') || '(none)'}`,
    );
  }
  return { image: program.image, command: [...program.command, ...rest] };
}

function runtimeOf(kind: JobSpec['kind'], { runtimes }: TrainerSettings) {
  const runtime = runtimes[kind];
  if (runtime !== undefined) return runtime;
  throw new OrreryError(
    'PORT_MISSING',
    `Cannot run a ${kind} job: the settings of kubeflow name no runtime for it, wanted "trainer.runtimes.${kind}"`,
  );
}
