/**
 * Jobs of kind `train`, and every job with checkpoints, are training jobs: managed spot, checkpoints,
 * warm pools and billed seconds exist there alone. The rest are processing jobs. Both are named by
 * the job's key, which the service keeps unique, so a create that is repeated answers ResourceInUse
 * and what is there is adopted.
 */
import { OrreryError } from '../../core/errors.ts';
import { LABELS, specLabel } from '../../core/labels.ts';
import type {
  Compute,
  JobHandle,
  JobIntent,
  JobReading,
  JobSpec,
  JobStart,
} from '../../core/ports/compute.ts';
import { awsError, isMissing, isNamed } from '../connections/aws/errors.ts';
import { isTerminal, revisionFor, stopAndRead, waitForNews } from '../connections/polling.ts';
import type { FarSide } from './far-side.ts';
import { checkInputs, checkpointUri, programOf, putScript, takeOutputs } from './job-files.ts';
import type { ResolvedProgram } from './job-files.ts';
import { jobScript, PROCESSING_FOLDERS, TRAINING_FOLDERS } from './job-script.ts';
import {
  createProcessingJob,
  describeProcessingJob,
  processingOutputUri,
  stopProcessingJob,
} from './processing-jobs.ts';
import { exitCodeOf, phaseOf, reasonOf } from './remote-job.ts';
import type { RemoteJob } from './remote-job.ts';
import { readTags } from './tags.ts';
import {
  createTrainingJob,
  describeTrainingJob,
  stopTrainingJob,
  trainingOutputUri,
} from './training-jobs.ts';

type Service = RemoteJob['service'];

/** Names of training and processing jobs: letters, digits and hyphens, 1–63 characters. */
const NAME_PATTERN = /^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$/;
const TAKEN = ['ResourceInUse', 'ResourceInUseException'] as const;

export function createCompute(far: FarSide): Compute {
  const pace = { pollMs: far.settings.pollMs };
  const read = (handle: JobHandle) => readJob(far, handle);
  return {
    start: (intent) => startJob(far, intent),
    read: (handle, wait) => waitForNews(() => read(handle), wait, pace),
    async requestCheckpoint(handle) {
      const { phase } = await read(handle);
      if (isTerminal(phase)) return;
      throw new OrreryError(
        'OPERATION_UNSUPPORTED',
        `Cannot ask ${handle.key} for a checkpoint: SageMaker reaches no running container; what the program saves is in S3 within seconds anyway`,
      );
    },
    stop: (handle) =>
      stopAndRead(
        () => read(handle),
        () => askToStop(far, handle),
        pace,
      ),
  };
}

export function serviceFor({ kind, checkpointScope }: JobSpec): Service {
  return kind === 'train' || checkpointScope !== null ? 'training' : 'processing';
}

async function startJob(far: FarSide, intent: JobIntent): Promise<JobStart> {
  const { key, spec } = intent;
  checkName(key);
  checkInputs(spec.inputs);
  const program = programOf(far, spec.command);
  const service = serviceFor(spec);
  await putScript(far, key, scriptOf(far, intent, service));
  try {
    const arn = await create(far, service, intent, program);
    return { handle: { key, remoteId: arn }, outcome: 'created' };
  } catch (error) {
    if (!isNamed(error, ...TAKEN)) throw awsError(error, `start ${service} job "${key}"`);
    return adopt(far, service, intent);
  }
}

function create(
  far: FarSide,
  service: Service,
  intent: JobIntent,
  program: ResolvedProgram,
): Promise<string> {
  return service === 'training'
    ? createTrainingJob(far, intent, program)
    : createProcessingJob(far, intent, program);
}

function scriptOf(far: FarSide, { key, spec }: JobIntent, service: Service): string {
  const training = service === 'training';
  return jobScript({
    key,
    spec,
    folders: training ? TRAINING_FOLDERS : PROCESSING_FOLDERS,
    outputUri: training ? trainingOutputUri(far, key) : processingOutputUri(far, key),
    checkpointUri: checkpointUri(far, spec.checkpointScope),
    tuned: null,
  });
}

/** The name is taken: by us, when the tag with the spec's digest is there and the same. */
async function adopt(far: FarSide, service: Service, intent: JobIntent): Promise<JobStart> {
  const { key, specDigest } = intent;
  const job = await describe(far, service, key);
  if (job === null) {
    throw new OrreryError(
      'BACKEND_UNAVAILABLE',
      `Cannot start ${service} job "${key}": its name is taken and there is no such job yet, wanted one of both`,
    );
  }
  const tags = await readTags(far.sagemaker, job.arn).catch((error: unknown) => {
    if (isMissing(error)) return {};
    throw error;
  });
  const found = (tags as Readonly<Record<string, string>>)[LABELS.spec];
  if (found !== specLabel(specDigest)) {
    throw new OrreryError(
      'NAME_TAKEN',
      `Cannot start ${service} job "${key}": a job of this name has the spec ${found ?? '(none of ours)'}, wanted ${specLabel(specDigest)}; see ${job.arn}`,
    );
  }
  const phase = phaseOf(job);
  const dead = isTerminal(phase) && phase !== 'succeeded';
  return { handle: { key, remoteId: job.arn }, outcome: dead ? 'dead' : 'adopted' };
}

function describe(far: FarSide, service: Service, name: string): Promise<RemoteJob | null> {
  return service === 'training' ? describeTrainingJob(far, name) : describeProcessingJob(far, name);
}

/** A handle says by its ARN which service has the job; one that is no ARN is looked for in both. */
async function find(far: FarSide, { key, remoteId }: JobHandle): Promise<RemoteJob | null> {
  if (remoteId.includes(':processing-job/')) return describe(far, 'processing', key);
  const training = await describe(far, 'training', key);
  if (training !== null || remoteId.includes(':training-job/')) return training;
  return describe(far, 'processing', key);
}

async function readJob(far: FarSide, handle: JobHandle): Promise<JobReading> {
  const job = await find(far, handle);
  return job === null ? unknownJob(handle) : readingOf(far, job);
}

async function readingOf(far: FarSide, job: RemoteJob): Promise<JobReading> {
  const phase = phaseOf(job);
  const taken = phase === 'succeeded' ? await takeOutputs(far, job.outputUri) : null;
  // Outputs that are missing fail the attempt: docs/jobs.md.
  const failed = typeof taken === 'string';
  const code = exitCodeOf(job.failure);
  const told = job.message === '' ? job.secondary : `${job.secondary}: ${job.message}`;
  return {
    phase: failed ? 'failed' : phase,
    revision: revisionFor(phase, job.transitions),
    progress: { step: job.transitions, steps: 0, message: told },
    exit:
      phase === 'succeeded'
        ? { code: 0, signal: null }
        : phase === 'failed' && code !== null
          ? { code, signal: null }
          : null,
    billableSeconds: job.billableSeconds,
    outputs: typeof taken === 'object' && taken !== null ? taken.outputs : {},
    reason: failed ? taken : reasonOf(job),
    logUri: logUri(far, job),
  };
}

async function askToStop(far: FarSide, handle: JobHandle): Promise<void> {
  const job = await find(far, handle);
  if (job === null) return;
  try {
    await (job.service === 'training' ? stopTrainingJob : stopProcessingJob)(far, job.name);
  } catch (error) {
    // It ended between the reading and the order; the next reading says how.
    if (!isNamed(error, 'ValidationException') && !isMissing(error)) throw error;
  }
}

/** The log stream in the console of CloudWatch. */
function logUri(far: FarSide, { service, name }: RemoteJob): string {
  const { region } = far.settings.aws;
  const group = service === 'training' ? 'TrainingJobs' : 'ProcessingJobs';
  return `https://${region}.console.aws.amazon.com/cloudwatch/home?region=${region}#logsV2:log-groups/log-group/$252Faws$252Fsagemaker$252F${group}$3FlogStreamNameFilter$3D${name}`;
}

function unknownJob({ key }: JobHandle): JobReading {
  return {
    phase: 'lost',
    revision: revisionFor('lost'),
    progress: null,
    exit: null,
    billableSeconds: 0,
    outputs: {},
    reason: `SageMaker has no job named ${key}`,
    logUri: '',
  };
}

/** @throws OrreryError SPEC_REJECTED for a name that the service cannot have */
export function checkName(name: string): void {
  if (NAME_PATTERN.test(name)) return;
  throw new OrreryError(
    'SPEC_REJECTED',
    `Cannot name anything "${name}" on SageMaker: a name must match ${NAME_PATTERN.source}`,
  );
}
