/** What is known of a job, out of the custom job, the run around it, and its files in the store. */
import type { ArtifactRef } from '../../core/ports/artifacts.ts';
import type { JobPhase, JobProgress, JobReading } from '../../core/ports/compute.ts';
import { OrreryError } from '../../core/errors.ts';
import { parseProgress } from '../../core/training/progress.ts';
import { z } from 'zod';
import { codeOf, GRPC_STATUS } from '../connections/google/errors.ts';
import type { GrpcStatus } from '../connections/google/errors.ts';
import type { ObjectStore } from '../connections/google/storage.ts';
import { isTerminal, revisionFor } from '../connections/polling.ts';
import { envOf, MANIFEST_NAME, PROGRESS_NAME } from './job-spec.ts';
import { secondsBetween } from './messages.ts';
import type { CustomJob } from './messages.ts';
import { plainState } from './states.ts';

/** Vertex AI's words about a container that ended by itself. */
const EXIT_TEXT = /non-zero status of (\d+)/;

const refSchema = z.object({
  uri: z.string().min(1),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  bytes: z.int().min(0),
});
const manifestSchema = z.object({ outputs: z.record(z.string(), refSchema) });

export interface JobFacts {
  readonly job: CustomJob;
  /** Phase of the whole: of the job, or of job and run together. */
  readonly phase: JobPhase;
  /** Attempts of the far side before this one. */
  readonly restarts: number;
  /** Words about the whole; empty when the job says it all. */
  readonly told: string;
}

/** @throws OrreryError REPLY_MALFORMED for a manifest that is none, and what the store throws */
export async function readingOf(store: ObjectStore, facts: JobFacts): Promise<JobReading> {
  const { job, restarts } = facts;
  const env = envOf(job.jobSpec);
  const files = env['ORRERY_OUTPUT_URI'] ?? '';
  const { phase, reason, outputs } = await settled(store, facts, env);
  const progress = phase === 'running' && files !== '' ? await progressOf(store, files) : null;
  return {
    phase,
    revision: revisionFor(phase, progress?.step ?? 0),
    progress,
    exit: exitOf(phase, job),
    billableSeconds: secondsBetween(job.startTime, job.endTime),
    outputs,
    reason: restarts === 0 ? reason : `${reason}; started again ${restarts} times by Vertex AI`,
    logUri: logUriOf(job.name ?? ''),
  };
}

export function unknownJob(key: string): JobReading {
  return {
    phase: 'lost',
    revision: revisionFor('lost'),
    progress: null,
    exit: null,
    billableSeconds: 0,
    outputs: {},
    reason: `Vertex AI has no job of the key ${key}`,
    logUri: logUriOf(''),
  };
}

/** Cloud Logging's page of the job; see https://cloud.google.com/logging/docs/view/building-queries. */
export function logUriOf(name: string): string {
  const [, project = '', id = ''] = /^projects\/([^/]+)\/.*\/([^/]+)$/.exec(name) ?? [];
  const query = encodeURIComponent(`resource.labels.job_id="${id}"`);
  return `https://console.cloud.google.com/logs/query;query=${query}?project=${project}`;
}

type Settled = Pick<JobReading, 'phase' | 'reason' | 'outputs'>;

async function settled(
  store: ObjectStore,
  { job, phase, told }: JobFacts,
  env: Readonly<Record<string, string>>,
): Promise<Settled> {
  const state = job.state == null ? '' : plainState(job.state);
  const reason = [state, wordsOf(job), told].filter((text) => text !== '').join('; ');
  const isCut = state === 'CANCELLED' && isTerminal(phase) && phase !== 'succeeded';
  if (isCut && isOverTime(job)) {
    const limit = String(job.jobSpec?.scheduling?.timeout?.seconds);
    return { phase: 'failed', reason: `over its limit of ${limit} s; ${reason}`, outputs: {} };
  }
  if (phase !== 'succeeded') return { phase, reason, outputs: {} };
  const declared = JSON.parse(env['ORRERY_OUTPUTS_JSON'] ?? '[]') as string[];
  const written = await manifestOf(store, env['ORRERY_OUTPUT_URI'] ?? '', declared);
  const missing = declared.filter((name) => written[name] === undefined);
  if (missing.length > 0) {
    const told = `JOB_OUTPUT_MISSING: ${missing.join(', ')} in ${MANIFEST_NAME}`;
    return { phase: 'failed', reason: `${told}; ${reason}`, outputs: {} };
  }
  const outputs = Object.fromEntries(declared.map((name) => [name, written[name]!]));
  return { phase, reason, outputs };
}

/** Vertex AI ends a job over its `timeout` by cancelling it, which nobody asked for. */
function isOverTime(job: CustomJob): boolean {
  const limit = Number(job.jobSpec?.scheduling?.timeout?.seconds ?? 0);
  return limit > 0 && secondsBetween(job.startTime, job.endTime) >= limit;
}

/** The far side's words; a lack of machines or quota is told by its code first. */
function wordsOf({ error }: CustomJob): string {
  const message = error?.message ?? '';
  if (message === '') return '';
  const status = STATUS_BY_NUMBER.get(error?.code ?? 0) ?? null;
  const code = codeOf(status, message);
  return ['CAPACITY_MISSING', 'QUOTA_EXCEEDED'].includes(code) ? `${code}: ${message}` : message;
}
const STATUS_BY_NUMBER = new Map<number, GrpcStatus>(
  Object.entries(GRPC_STATUS).map(([name, number]) => [number, name as GrpcStatus]),
);

function exitOf(phase: JobPhase, { error }: CustomJob): JobReading['exit'] {
  if (!isTerminal(phase)) return null;
  if (phase === 'succeeded') return { code: 0, signal: null };
  const [, code] = EXIT_TEXT.exec(error?.message ?? '') ?? [];
  return code === undefined ? null : { code: Number(code), signal: null };
}

async function manifestOf(
  store: ObjectStore,
  files: string,
  declared: readonly string[],
): Promise<Readonly<Record<string, ArtifactRef>>> {
  if (declared.length === 0) return {};
  const uri = `${files}/${MANIFEST_NAME}`;
  const bytes = await store.read(uri);
  if (bytes === null) return {};
  const parsed = manifestSchema.safeParse(parsedJson(bytes));
  if (parsed.success) return parsed.data.outputs;
  throw new OrreryError(
    'REPLY_MALFORMED',
    `Cannot read the outputs of the job: ${uri} is no manifest (${parsed.error.issues[0]?.message ?? ''}), wanted {"outputs": {name: {uri, sha256, bytes}}}`,
  );
}

/** What the program says of itself; half a file, or none, is no news. */
async function progressOf(store: ObjectStore, files: string): Promise<JobProgress | null> {
  const bytes = await store.read(`${files}/${PROGRESS_NAME}`);
  return bytes === null ? null : parseProgress(Buffer.from(bytes).toString('utf8'));
}

function parsedJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return null;
  }
}
