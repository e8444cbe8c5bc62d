/**
 * A custom job has no id of ours, a pipeline run has: so a job is the only step of a run whose id is
 * its key, and a second creation is ALREADY_EXISTS on the far side. The step is the custom-job
 * executor of the pipeline spec (`deploymentSpec.executors.*.customJob`, told back in
 * PipelineTaskExecutorDetail.CustomJobDetail), which the open pipeline spec calls deprecated; or, with
 * `launcherImage`, the launcher of Google Cloud Pipeline Components, its successor.
 */
import { OrreryError } from '../../core/errors.ts';
import type { JobIntent } from '../../core/ports/compute.ts';
import { workLabels } from '../connections/google/labels.ts';
import { customJobFor, outputUri } from './job-spec.ts';
import { toStruct } from './messages.ts';
import type { CustomJob, Duration, PipelineJob, PipelineTaskDetail } from './messages.ts';
import type { VertexSettings } from './settings.ts';

type Json = Readonly<Record<string, unknown>>;

/** @throws OrreryError TOOL_MISSING, SPEC_REJECTED */
export function wrappedJobFor(settings: VertexSettings, intent: JobIntent): PipelineJob {
  const { key, spec } = intent;
  const payload = restForm(customJobFor(settings, intent, 'wrapped-job'));
  // The far side would take such text for one of its own placeholders.
  if (JSON.stringify(payload).includes('{{$')) {
    throw new OrreryError(
      'SPEC_REJECTED',
      `Cannot start ${key}: its command or parameters contain "{{$", which a pipeline replaces, wanted none, or the setting submit: custom-job`,
    );
  }
  const { serviceAccount, network } = settings;
  return {
    displayName: key,
    labels: workLabels({ kind: 'job', ...intent, labels: spec.labels }),
    pipelineSpec: toStruct(pipelineAround(settings, payload)),
    runtimeConfig: {
      gcsOutputDirectory: `${outputUri(settings, key)}/run`,
      failurePolicy: 'PIPELINE_FAILURE_POLICY_FAIL_FAST',
    },
    ...(serviceAccount !== undefined && { serviceAccount }),
    ...(network !== undefined && { network }),
  };
}

function pipelineAround(settings: VertexSettings, payload: Json): Json {
  const { launcherImage } = settings;
  return {
    schemaVersion: '2.1.0',
    sdkVersion: 'orrery',
    pipelineInfo: { name: 'orrery-job' },
    root: {
      dag: {
        tasks: {
          job: {
            taskInfo: { name: 'job' },
            componentRef: { name: 'comp-job' },
            // A result from a cache would be the outputs of another attempt.
            cachingOptions: {},
          },
        },
      },
    },
    components: {
      'comp-job': {
        executorLabel: 'exec-job',
        ...(launcherImage !== undefined && {
          outputDefinitions: { parameters: { gcp_resources: { parameterType: 'STRING' } } },
        }),
      },
    },
    deploymentSpec: {
      executors: {
        'exec-job':
          launcherImage === undefined
            ? { customJob: { customJob: payload } }
            : { container: launcher(settings, launcherImage, payload) },
      },
    },
  };
}

function launcher({ project, location }: VertexSettings, image: string, payload: Json): Json {
  return {
    image,
    command: [
      'python3',
      '-u',
      '-m',
      'google_cloud_pipeline_components.container.v1.custom_job.launcher',
    ],
    // prettier-ignore
    args: [
      '--type', 'CustomJob', '--payload', JSON.stringify(payload),
      '--project', project, '--location', location,
      '--gcp_resources', "{{$.outputs.parameters['gcp_resources'].output_file}}",
    ],
  };
}

/** The message as the REST API writes it: durations as text, 64-bit numbers as strings. */
function restForm(job: CustomJob): Json {
  const spec = job.jobSpec ?? {};
  const { timeout, maxWaitDuration, ...scheduling } = spec.scheduling ?? {};
  return {
    ...job,
    jobSpec: {
      ...spec,
      scheduling: {
        ...scheduling,
        ...(timeout && { timeout: durationText(timeout) }),
        ...(maxWaitDuration && { maxWaitDuration: durationText(maxWaitDuration) }),
      },
      workerPoolSpecs: spec.workerPoolSpecs?.map((pool) => ({
        ...pool,
        replicaCount: String(pool.replicaCount),
      })),
    },
  };
}

const durationText = ({ seconds }: Duration): string => `${String(seconds)}s`;

/** What a task says about the custom job that it runs. */
export interface WrappedTask {
  /** Name of the custom job; null before there is one. */
  readonly jobName: string | null;
  /** Attempts that the far side made before this one. */
  readonly restarts: number;
}

export function wrappedTaskOf(run: PipelineJob): WrappedTask {
  const [task] = run.jobDetail?.taskDetails ?? [];
  const detail = task?.executorDetail;
  const custom = detail?.customJobDetail;
  const container = detail?.containerDetail;
  const failed = custom?.failedJobs ?? container?.failedMainJobs ?? [];
  const jobName = custom?.job || launchedJob(task) || null;
  return { jobName, restarts: failed.length };
}

/** The launcher tells in the output parameter `gcp_resources` which job it has started. */
function launchedJob(task: PipelineTaskDetail | undefined): string | null {
  const members = task?.execution?.metadata?.fields ?? {};
  const text = (members['output:gcp_resources'] ?? members['gcp_resources'])?.stringValue;
  const [, name] = /\/v1[a-z0-9]*\/(projects\/[^"\s]+\/customJobs\/[0-9]+)/.exec(text ?? '') ?? [];
  return name ?? null;
}
