/** A job in Vertex AI's words, and where its files lie; see docs/jobs.md, “On a far side”. */
import { OrreryError } from '../../core/errors.ts';
import type { JobIntent, JobParam, JobSpec } from '../../core/ports/compute.ts';
import { workLabels } from '../connections/google/labels.ts';
import { chooseMachine } from './machines.ts';
import type { CustomJob, CustomJobSpec } from './messages.ts';
import type { VertexSettings } from './settings.ts';

/** Vertex AI mounts Cloud Storage there (https://cloud.google.com/vertex-ai/docs/training/cloud-storage-file-system). */
const MOUNT = '/gcs/';
export const MANIFEST_NAME = 'outputs.json';
export const PROGRESS_NAME = 'progress.json';

/** Where one attempt writes its outputs. */
export function outputUri({ storage }: Pick<VertexSettings, 'storage'>, key: string): string {
  return `${storage.root}/jobs/${key}`;
}

/** What the attempts of a step share; Vertex AI makes AIP_CHECKPOINT_DIR of it, with `/checkpoints/`. */
function baseUri({ storage }: VertexSettings, key: string, scope: string | null): string {
  return `${storage.root}/scopes/${scope ?? key}`;
}

export const mounted = (uri: string): string => uri.replace(/^gs:\/\//, MOUNT);

/** The custom job of an intent. @throws OrreryError TOOL_MISSING, SPEC_REJECTED */
export function customJobFor(
  settings: VertexSettings,
  intent: JobIntent,
  kind: 'job' | 'wrapped-job',
): CustomJob {
  const { key, spec } = intent;
  return {
    displayName: key,
    labels: workLabels({ kind, ...intent, labels: spec.labels }),
    jobSpec: jobSpecFor(settings, key, spec),
  };
}

type Work = Omit<JobSpec, 'labels' | 'checkpointScope'> & Partial<Pick<JobSpec, 'checkpointScope'>>;

/** Also the spec of a trial, which has neither labels nor checkpoints of its own. */
export function jobSpecFor(settings: VertexSettings, key: string, work: Work): CustomJobSpec {
  const { persistentResourceId, serviceAccount, network } = settings;
  const { image, argv } = resolveProgram(settings, work.command);
  const machine = chooseMachine(settings, work.resources);
  const scope = work.checkpointScope ?? null;
  const base = baseUri(settings, key, scope);
  return {
    ...(persistentResourceId !== undefined && { persistentResourceId }),
    ...(serviceAccount !== undefined && { serviceAccount }),
    ...(network !== undefined && { network }),
    baseOutputDirectory: { outputUriPrefix: base },
    scheduling: schedulingFor(settings, work.timeoutSeconds),
    workerPoolSpecs: [
      {
        replicaCount: 1,
        machineSpec: {
          machineType: machine.machineType,
          ...(machine.accelerator && {
            acceleratorType: machine.accelerator.type as 'NVIDIA_TESLA_T4',
            acceleratorCount: machine.accelerator.count,
          }),
        },
        containerSpec: {
          imageUri: image,
          command: [...argv],
          env: envFor(settings, key, work, scope === null ? null : `${base}/checkpoints`),
        },
      },
    ],
  };
}

/** With FLEX_START a job waits for machines; the other strategies have no such limit. */
function schedulingFor({ scheduling }: VertexSettings, timeoutSeconds: number) {
  const { strategy, maxWaitSeconds, restartJobOnWorkerRestart, disableRetries } = scheduling;
  return {
    strategy,
    timeout: { seconds: Math.ceil(timeoutSeconds), nanos: 0 },
    restartJobOnWorkerRestart,
    disableRetries,
    ...(strategy === 'FLEX_START' && {
      maxWaitDuration: { seconds: Math.ceil(maxWaitSeconds), nanos: 0 },
    }),
  };
}

function envFor(settings: VertexSettings, key: string, work: Work, checkpoints: string | null) {
  const outputs = outputUri(settings, key);
  const variables: Record<string, string> = {
    ORRERY_JOB_KEY: key,
    ORRERY_PARAMS_JSON: JSON.stringify(work.params satisfies Readonly<Record<string, JobParam>>),
    ORRERY_INPUTS_JSON: JSON.stringify(work.inputs),
    ORRERY_OUTPUTS_JSON: JSON.stringify(work.outputs),
    ORRERY_OUTPUT_URI: outputs,
    ORRERY_OUTPUT_DIR: mounted(outputs),
    ORRERY_MANIFEST_FILE: mounted(`${outputs}/${MANIFEST_NAME}`),
    ORRERY_PROGRESS_FILE: mounted(`${outputs}/${PROGRESS_NAME}`),
    ORRERY_GRACE_SECONDS: String(work.graceSeconds),
    ...(checkpoints !== null && {
      ORRERY_CHECKPOINT_URI: checkpoints,
      ORRERY_CHECKPOINT_DIR: mounted(checkpoints),
    }),
  };
  return Object.entries(variables).map(([name, value]) => ({ name, value }));
}

/** Image and command line. @throws OrreryError TOOL_MISSING naming the known words */
function resolveProgram(
  { image, programs }: VertexSettings,
  command: readonly string[],
): { readonly image: string; readonly argv: readonly string[] } {
  const [first = '', ...rest] = command;
  if (first.includes('/') && image !== undefined) return { image, argv: command };
  const program = Object.hasOwn(programs, first) ? programs[first] : undefined;
  if (program !== undefined) return { image: program.image, argv: [...program.command, ...rest] };
  throw new OrreryError(
    'TOOL_MISSING',
    `Cannot run "${first}": the backend vertex knows no such program, wanted ${image === undefined ? '' : 'a path or '}one of ${Object.keys(programs).toSorted().join(', ') || '(none)'}`,
  );
}

/** The environment of a job as the far side has it. */
export function envOf(spec: CustomJobSpec | null | undefined): Readonly<Record<string, string>> {
  const entries = spec?.workerPoolSpecs?.[0]?.containerSpec?.env ?? [];
  return Object.fromEntries(entries.map(({ name, value }) => [name ?? '', value ?? '']));
}
