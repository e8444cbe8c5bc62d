import { OrreryError } from '../../core/errors.ts';
import type { JobPhase } from '../../core/ports/compute.ts';
import type {
  LineageArtifact,
  Pipeline,
  PipelineHandle,
  PipelineIntent,
  PipelineReading,
  PipelineTask,
} from '../../core/ports/pipeline.ts';
import { workLabels } from '../connections/google/labels.ts';
import { parentOf } from '../connections/google/settings.ts';
import type { ObjectStore } from '../connections/google/storage.ts';
import { isTerminal, revisionFor, stopAndRead } from '../connections/polling.ts';
import type { VertexApi } from './calls.ts';
import { checkSpec, isDead, isResourceName } from './by-label.ts';
import { logUriOf } from './job-reading.ts';
import { secondsBetween, toStruct, toValue } from './messages.ts';
import type { ArtifactList, PipelineJob, PipelineTaskDetail } from './messages.ts';
import { paced } from './pacing.ts';
import type { VertexSettings } from './settings.ts';
import { phaseOfState, plainState } from './states.ts';

/** A pipeline run has no time limit of its own; this label keeps ours, seconds. */
const TIMEOUT_LABEL = 'orrery-timeout-seconds';

/** Pipeline runs under the id of their key; the far side refuses a second one with ALREADY_EXISTS. */
export function createPipeline(
  settings: VertexSettings,
  api: VertexApi,
  store: ObjectStore,
): Pipeline {
  const pace = { pollMs: settings.pollSeconds * 1000 };
  const read = async ({ key, remoteId }: PipelineHandle): Promise<PipelineReading> => {
    const run = await api.pipelineJobs.get(nameOf(settings, key, remoteId));
    if (run === null) return unknownRun(key);
    if (isOverTime(run) && !isTerminal(phaseOfState(run.state))) {
      await api.pipelineJobs.cancel(run.name ?? '');
    }
    return readingOf(run);
  };
  return {
    async start(intent) {
      const { key } = intent;
      const handle = { key, remoteId: `${parentOf(settings)}/pipelineJobs/${key}` };
      const created = await createRun(settings, api, store, intent);
      if (created !== null) return { handle, outcome: 'created' };
      const found = await api.pipelineJobs.get(handle.remoteId);
      if (found === null) return { handle, outcome: 'dead' };
      checkSpec(found, intent);
      return { handle, outcome: isDead(phaseOfState(found.state)) ? 'dead' : 'adopted' };
    },
    read: paced(read, pace),
    /** A rerun of Vertex AI is another run under another name, so the handle could not stay. */
    retry: ({ key }) =>
      Promise.reject(
        new OrreryError(
          'OPERATION_UNSUPPORTED',
          `Cannot run the failed tasks of ${key} again: the API of Vertex AI has no retry for a pipeline run, wanted a new run (its cache skips what has succeeded)`,
        ),
      ),
    stop: (handle) =>
      stopAndRead(
        () => read(handle),
        () => api.pipelineJobs.cancel(nameOf(settings, handle.key, handle.remoteId)),
        pace,
      ),
  };
}

/** A name that is none of the far side's leads to the run of the key. */
function nameOf(settings: VertexSettings, key: string, remoteId: string): string {
  return isResourceName(remoteId) ? remoteId : `${parentOf(settings)}/pipelineJobs/${key}`;
}

/** null when a run of this id exists. @throws OrreryError NOT_FOUND, SPEC_REJECTED */
async function createRun(
  settings: VertexSettings,
  api: VertexApi,
  store: ObjectStore,
  intent: PipelineIntent,
): Promise<PipelineJob | null> {
  const { key, spec } = intent;
  const { serviceAccount, network, storage } = settings;
  const params = Object.entries(spec.params).map(
    ([name, value]) => [name, toValue(value)] as const,
  );
  return api.pipelineJobs.create(key, {
    displayName: key,
    labels: {
      ...workLabels({ kind: 'pipeline', ...intent, labels: spec.labels }),
      [TIMEOUT_LABEL]: String(Math.ceil(spec.timeoutSeconds)),
    },
    ...(await sourceOf(settings, store, spec.pipeline, spec.version)),
    runtimeConfig: {
      gcsOutputDirectory: `${storage.root}/runs/${key}`,
      parameterValues: Object.fromEntries(params),
    },
    ...(serviceAccount !== undefined && { serviceAccount }),
    ...(network !== undefined && { network }),
  });
}

/**
 * `https://…`: a template of the registry, whose version is a tag or `sha256:…` as the last part of
 * the address. `gs://…json`: a compiled pipeline spec, whose version is a generation of the object.
 * A bare name: `<root>/pipelines/<name>.json`.
 */
async function sourceOf(
  { storage }: VertexSettings,
  store: ObjectStore,
  pipeline: string,
  version: string | null,
): Promise<Pick<PipelineJob, 'templateUri' | 'pipelineSpec'>> {
  if (pipeline.startsWith('https://')) {
    return { templateUri: version === null ? pipeline : `${pipeline}/${version}` };
  }
  const isAddress = pipeline.startsWith('gs://');
  const uri = isAddress ? pipeline : `${storage.root}/pipelines/${pipeline}.json`;
  const bytes = await store.read(uri, version ?? undefined);
  if (bytes === null) {
    const shown = version === null ? uri : `${uri} of generation ${version}`;
    throw new OrreryError(
      'NOT_FOUND',
      `Cannot run the pipeline "${pipeline}": there is no ${shown}`,
    );
  }
  try {
    const spec = JSON.parse(Buffer.from(bytes).toString('utf8')) as Record<string, unknown>;
    return { pipelineSpec: toStruct(spec) };
  } catch (cause) {
    throw new OrreryError(
      'SPEC_REJECTED',
      `Cannot run the pipeline "${pipeline}": ${uri} is no JSON, wanted a pipeline spec compiled to JSON`,
      { cause },
    );
  }
}

function isOverTime({ labels, startTime, endTime }: PipelineJob): boolean {
  const limit = Number(labels?.[TIMEOUT_LABEL] ?? Number.POSITIVE_INFINITY);
  return secondsBetween(startTime, endTime) >= limit;
}

function readingOf(run: PipelineJob): PipelineReading {
  const details = run.jobDetail?.taskDetails ?? [];
  const tasks = details.map(taskOf);
  const phase = phaseOf(run, tasks);
  const ended = tasks.filter(({ phase: state }) => state === 'skipped' || isTerminal(state)).length;
  const words = run.error?.message ?? '';
  return {
    phase,
    revision: revisionFor(phase, ended),
    tasks,
    lineage: details.flatMap(lineageOf),
    warnings: details.flatMap(retriesOf),
    runSeconds: secondsBetween(run.startTime, run.endTime),
    costUsd: null,
    reason: [
      ...(phase === 'failed' && isOverTime(run)
        ? [`over its limit of ${run.labels?.[TIMEOUT_LABEL]} s`]
        : []),
      plainState(run.state),
      ...(words === '' ? [] : [words]),
    ].join('; '),
    logUri: consoleUri(run.name ?? ''),
  };
}

/** A run that has ended while a task still holds machines is not over. */
function phaseOf(run: PipelineJob, tasks: readonly PipelineTask[]): JobPhase {
  const phase = phaseOfState(run.state);
  const isHeld = tasks.some((task) => task.phase === 'running' || task.phase === 'pending');
  if (isTerminal(phase) && isHeld) return 'running';
  return phase === 'cancelled' && isOverTime(run) ? 'failed' : phase;
}

function taskOf(detail: PipelineTaskDetail): PipelineTask {
  const state = plainState(detail.state);
  const job =
    detail.executorDetail?.customJobDetail?.job ?? detail.executorDetail?.containerDetail?.mainJob;
  return {
    name: detail.taskName ?? '',
    phase: state === 'SKIPPED' || state === 'NOT_TRIGGERED' ? 'skipped' : phaseOfState(state),
    reason: [state, detail.error?.message ?? ''].filter((text) => text !== '').join('; '),
    logUri: job ? logUriOf(job) : '',
  };
}

function lineageOf({ taskName, inputs, outputs }: PipelineTaskDetail): readonly LineageArtifact[] {
  const task = taskName ?? '';
  const told = (
    direction: LineageArtifact['direction'],
    lists: Record<string, ArtifactList> | null,
  ) =>
    Object.entries(lists ?? {}).flatMap(([name, { artifacts }]) =>
      (artifacts ?? []).map(({ uri, schemaTitle }) => ({
        task,
        direction,
        name,
        uri: uri ?? '',
        type: schemaTitle ?? '',
      })),
    );
  return [...told('input', inputs ?? null), ...told('output', outputs ?? null)];
}

function retriesOf({ taskName, executorDetail }: PipelineTaskDetail): readonly string[] {
  const failed =
    executorDetail?.customJobDetail?.failedJobs ??
    executorDetail?.containerDetail?.failedMainJobs ??
    [];
  return failed.length === 0 ? [] : [`task ${taskName} was started again ${failed.length} times`];
}

function consoleUri(name: string): string {
  const [, project, location, id] =
    /^projects\/([^/]+)\/locations\/([^/]+)\/pipelineJobs\/(.+)$/.exec(name) ?? [];
  return `https://console.cloud.google.com/vertex-ai/pipelines/locations/${location}/runs/${id}?project=${project}`;
}

function unknownRun(key: string): PipelineReading {
  return {
    phase: 'lost',
    revision: revisionFor('lost'),
    tasks: [],
    lineage: [],
    warnings: [],
    runSeconds: 0,
    costUsd: null,
    reason: `Vertex AI has no pipeline run of the id ${key}`,
    logUri: '',
  };
}
