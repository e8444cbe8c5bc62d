import { OrreryError } from '../../core/errors.ts';
import { LABELS } from '../../core/labels.ts';
import type { Compute, JobHandle, JobPhase, JobReading } from '../../core/ports/compute.ts';
import { parentOf } from '../connections/google/settings.ts';
import type { ObjectStore } from '../connections/google/storage.ts';
import { isTerminal, stopAndRead } from '../connections/polling.ts';
import type { VertexApi } from './calls.ts';
import {
  cancelByLabel,
  checkSpec,
  isDead,
  isResourceName,
  keyFilter,
  readByLabel,
  startByLabel,
} from './by-label.ts';
import { customJobFor } from './job-spec.ts';
import { readingOf, unknownJob } from './job-reading.ts';
import type { CustomJob, PipelineJob } from './messages.ts';
import { paced } from './pacing.ts';
import type { VertexSettings } from './settings.ts';
import { phaseOfState, plainState } from './states.ts';
import { wrappedJobFor, wrappedTaskOf } from './wrapping.ts';

/**
 * Jobs as custom jobs, by default inside a pipeline run of one step; see wrapping.ts and by-label.ts.
 * A handle says by its remote id which of both it is, so a change of the setting loses no job.
 */
export function createCompute(
  settings: VertexSettings,
  api: VertexApi,
  store: ObjectStore,
): Compute {
  const pace = { pollMs: settings.pollSeconds * 1000 };
  const read = async (handle: JobHandle): Promise<JobReading> =>
    (await isCustomJob(settings, api, handle))
      ? readCustomJob(api, store, handle)
      : readWrapped(api, store, runName(settings, handle), handle.key);
  return {
    async start(intent) {
      if (settings.submit === 'custom-job') {
        const make = () => customJobFor(settings, intent, 'job');
        const { remoteId, outcome } = await startByLabel(api.customJobs, 'job', intent, make, pace);
        return { handle: { key: intent.key, remoteId }, outcome };
      }
      const { key } = intent;
      const handle = { key, remoteId: `${parentOf(settings)}/pipelineJobs/${key}` };
      const created = await api.pipelineJobs.create(key, wrappedJobFor(settings, intent));
      if (created !== null) return { handle, outcome: 'created' };
      const found = await api.pipelineJobs.get(handle.remoteId);
      if (found === null) throw deletedMeanwhile(key);
      checkSpec(found, intent);
      const { phase } = await factsOfRun(api, found);
      return { handle, outcome: isDead(phase) ? 'dead' : 'adopted' };
    },
    read: paced(read, pace),
    /** Vertex AI has no way to signal a running container; a preempted one gets SIGTERM by itself. */
    async requestCheckpoint(handle) {
      const { phase } = await read(handle);
      if (isTerminal(phase)) return;
      throw new OrreryError(
        'OPERATION_UNSUPPORTED',
        `Cannot ask ${handle.key} for a checkpoint: Vertex AI sends no signal to a job that runs (it is ${phase}), wanted a program that saves at intervals`,
      );
    },
    stop: (handle) =>
      stopAndRead(
        () => read(handle),
        async () =>
          (await isCustomJob(settings, api, handle))
            ? cancelByLabel(api.customJobs, 'job', handle)
            : cancelRun(api, runName(settings, handle)),
        pace,
      ),
  };
}

/** By the name; a handle with the key alone is looked up, since the setting may have been another. */
async function isCustomJob(
  settings: VertexSettings,
  api: VertexApi,
  handle: JobHandle,
): Promise<boolean> {
  if (isResourceName(handle.remoteId)) return handle.remoteId.includes('/customJobs/');
  if ((await api.pipelineJobs.get(runName(settings, handle))) !== null) return false;
  return (await api.customJobs.list(keyFilter('job', handle.key), 1)).length > 0;
}

/** A name that is none of the far side's leads to the run of the key, which decides. */
function runName(settings: VertexSettings, { key, remoteId }: JobHandle): string {
  return isResourceName(remoteId) ? remoteId : `${parentOf(settings)}/pipelineJobs/${key}`;
}

async function readCustomJob(
  api: VertexApi,
  store: ObjectStore,
  handle: JobHandle,
): Promise<JobReading> {
  const job = await readByLabel(api.customJobs, 'job', handle);
  if (job === null) return unknownJob(handle.key);
  return readingOf(store, { job, phase: phaseOfState(job.state), restarts: 0, told: '' });
}

async function readWrapped(
  api: VertexApi,
  store: ObjectStore,
  name: string,
  key: string,
): Promise<JobReading> {
  const run = await api.pipelineJobs.get(name);
  if (run === null) return unknownJob(key);
  const { phase, job, restarts } = await factsOfRun(api, run);
  if (job !== null) {
    return readingOf(store, { job, phase, restarts, told: `run ${plainState(run.state)}` });
  }
  if (phase === 'succeeded') throw jobUnknown(key, name);
  const shown = { name: run.name ?? null, error: run.error ?? null };
  return readingOf(store, { job: shown, phase, restarts, told: `run ${plainState(run.state)}` });
}

interface RunFacts {
  readonly phase: JobPhase;
  readonly job: CustomJob | null;
  readonly restarts: number;
}

async function factsOfRun(api: VertexApi, run: PipelineJob): Promise<RunFacts> {
  const { jobName, restarts } = wrappedTaskOf(run);
  const job = jobName === null ? await jobByLabel(api, run) : await api.customJobs.get(jobName);
  const jobPhase = job === null ? null : phaseOfState(job.state);
  return { phase: phaseOfBoth(phaseOfState(run.state), jobPhase), job, restarts };
}

/** A run that has ended without telling its job, as a launcher of another version may. */
async function jobByLabel(api: VertexApi, run: PipelineJob): Promise<CustomJob | null> {
  const key = run.labels?.[LABELS.key];
  if (key === undefined || !isTerminal(phaseOfState(run.state))) return null;
  const [job] = await api.customJobs.list(keyFilter('wrapped-job', key), 1);
  return job ?? null;
}

/**
 * The run and the job inside it as one. While either is live the whole is; a machine may still be held
 * by a job whose run has ended. A job that succeeded although its run was cancelled has succeeded.
 */
export function phaseOfBoth(run: JobPhase, job: JobPhase | null): JobPhase {
  if (job === null) return run === 'running' ? 'pending' : run;
  if (!isTerminal(run)) return isTerminal(job) ? 'running' : job;
  if (!isTerminal(job)) return 'running';
  if (run === 'cancelled' && job === 'succeeded') return 'succeeded';
  return run;
}

/** Asks the run for its end, and the job too where the run has ended without it. */
async function cancelRun(api: VertexApi, name: string): Promise<void> {
  const run = await api.pipelineJobs.get(name);
  if (run === null) return;
  if (!isTerminal(phaseOfState(run.state))) return api.pipelineJobs.cancel(name);
  const { jobName } = wrappedTaskOf(run);
  if (jobName !== null) await api.customJobs.cancel(jobName);
}

function jobUnknown(key: string, run: string): OrreryError {
  return new OrreryError(
    'REPLY_MALFORMED',
    `Cannot read the outputs of ${key}: its run ${run} has succeeded and tells no custom job, nor has one our labels`,
  );
}

function deletedMeanwhile(key: string): OrreryError {
  return new OrreryError(
    'BACKEND_UNAVAILABLE',
    `Cannot start ${key}: Vertex AI says that a run of this id exists and then that there is none, wanted one answer`,
  );
}
