import { z } from 'zod';
import type { JobPhase, JobReading } from '../../../core/ports/compute.ts';
import type { KubernetesClient } from '../../connections/kubernetes/client.ts';
import { OrreryError } from '../../../core/errors.ts';
import { ANNOTATIONS, trainJobPath } from './train-job.ts';
import type { TrainJob } from './train-job.ts';

/**
 * What we write on a TrainJob so that every worker, now and later, tells the same of it.
 *
 * The stop mark is written with `suspend: true` in one patch: Trainer has no cancelled state, and a
 * job that was merely deleted would leave its name free and its end unknown. The end record is
 * written by whoever first reads the job as ended, with the resource version that was read, so that
 * of two readers one wins; from then on the record is what is told, whatever becomes of the pods.
 */
const stopMark = z.object({
  /** Seconds since 1970. */
  at: z.number(),
  /** Held until then. */
  billableSeconds: z.number(),
  /** Pods that held capacity then. */
  pods: z.number(),
  startedAt: z.string().nullable(),
});
export type StopMark = z.infer<typeof stopMark>;

const artifact = z.object({ uri: z.string(), sha256: z.string(), bytes: z.number() });
const endRecord = z.object({
  phase: z.enum(['succeeded', 'failed', 'cancelled']),
  exit: z.object({ code: z.number().nullable(), signal: z.string().nullable() }).nullable(),
  billableSeconds: z.number(),
  outputs: z.record(z.string(), artifact),
  reason: z.string(),
  startedAt: z.string().nullable(),
});
export interface EndRecord extends Pick<
  JobReading,
  'exit' | 'billableSeconds' | 'outputs' | 'reason'
> {
  readonly phase: Extract<JobPhase, 'succeeded' | 'failed' | 'cancelled'>;
  /** RFC 3339; null when no pod ever started. */
  readonly startedAt: string | null;
}

export function stopMarkOf(job: TrainJob): StopMark | null {
  return parsed(stopMark, job.metadata.annotations?.[ANNOTATIONS.stop]);
}

/**
 * The end that was recorded; null for none. The record of a cancelled job that somebody has resumed
 * since does not count: it lives.
 */
export function endRecordOf(job: TrainJob): EndRecord | null {
  const record = parsed(endRecord, job.metadata.annotations?.[ANNOTATIONS.end]);
  return record?.phase === 'cancelled' && job.spec.suspend !== true ? null : record;
}

function parsed<T>(schema: z.ZodType<T>, text: string | undefined): T | null {
  if (text === undefined) return null;
  try {
    return schema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

/** Suspends and marks; false when the job has changed since it was read, or is gone. */
export function writeStop(
  client: KubernetesClient,
  job: TrainJob,
  mark: StopMark,
): Promise<boolean> {
  const annotations = { [ANNOTATIONS.stop]: JSON.stringify(mark), [ANNOTATIONS.end]: null };
  return patchAsRead(client, job, { metadata: { annotations }, spec: { suspend: true } });
}

/** Writes the end; false when the job has changed since it was read, or is gone. */
export async function writeEnd(
  client: KubernetesClient,
  job: TrainJob,
  record: EndRecord,
): Promise<boolean> {
  const annotations = { [ANNOTATIONS.end]: JSON.stringify(record) };
  return patchAsRead(client, job, { metadata: { annotations } });
}

async function patchAsRead(
  client: KubernetesClient,
  { metadata }: TrainJob,
  patch: { readonly metadata: object; readonly spec?: object },
): Promise<boolean> {
  const { uid, resourceVersion, name } = metadata;
  const body = { ...patch, metadata: { ...patch.metadata, uid, resourceVersion } };
  try {
    return (await client.patch(trainJobPath(client.namespace, name), 'merge', body)) !== null;
  } catch (error) {
    if (error instanceof OrreryError && error.details['status'] === 409) return false;
    throw error;
  }
}
