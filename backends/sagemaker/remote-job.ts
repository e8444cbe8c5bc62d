import type { JobPhase } from '../../core/ports/compute.ts';

/** A training or processing job as the far side tells it. */
export interface RemoteJob {
  readonly service: 'training' | 'processing';
  readonly name: string;
  readonly arn: string;
  readonly status: string;
  /** Finer than `status` on training jobs, the same on processing jobs; may be a value of tomorrow. */
  readonly secondary: string;
  /** Changes of the finer status so far. */
  readonly transitions: number;
  /** What goes with the last change. */
  readonly message: string;
  readonly failure: string;
  /** Set once machines were held. */
  readonly startedAt: Date | null;
  /** Machine-seconds, all machines of the job together. */
  readonly billableSeconds: number;
  /** What spot saved, 0–1; null while unknown or without spot. */
  readonly savedShare: number | null;
  /** Instance type, for the price. */
  readonly instance: string | undefined;
  /** Where the manifest lies once it has succeeded. */
  readonly outputUri: string;
}

/** Finer statuses before the program can run. */
const PREPARING = new Set([
  'Starting',
  'Pending',
  'LaunchingMLInstances',
  'PreparingTrainingStack',
  'DownloadingTrainingImage',
]);
/** The service’s own limits ended it: the job has failed, nobody cancelled it. */
const OVER_LIMIT: Readonly<Record<string, string>> = {
  MaxRuntimeExceeded: 'it ran longer than its timeout (MaxRuntimeExceeded)',
  MaxWaitTimeExceeded: 'no spot capacity came in time (MaxWaitTimeExceeded)',
};

/**
 * The phase of a job, after TrainingJobStatus and SecondaryStatus of DescribeTrainingJob and
 * ProcessingJobStatus of DescribeProcessingJob. A status that nobody knows yet is live work.
 */
export function phaseOf({ status, secondary, startedAt }: RemoteJob): JobPhase {
  switch (status) {
    case 'Completed':
      return 'succeeded';
    case 'Failed':
      return 'failed';
    case 'Stopped':
      return secondary in OVER_LIMIT ? 'failed' : 'cancelled';
    case 'Deleting':
      return 'lost';
    default:
      return startedAt === null && PREPARING.has(secondary) ? 'pending' : 'running';
  }
}

/** Why it is in its phase, in the far side's own words. */
export function reasonOf(job: RemoteJob): string {
  const limit = OVER_LIMIT[job.secondary];
  if (limit !== undefined) return limit;
  if (/CapacityError|InsufficientCapacity|InsufficientInstanceCapacity/.test(job.failure)) {
    return `CAPACITY_MISSING: ${job.failure}`;
  }
  if (job.failure !== '') return job.failure;
  const told = job.message === '' ? job.secondary : `${job.secondary}: ${job.message}`;
  if (job.savedShare === null) return told;
  return `${told}; spot saved ${Math.round(job.savedShare * 100)} %`;
}

/**
 * The exit code that a failure names: our script writes `exit code 3: …`, and the service appends
 * `, exit code: 3`. Null when it names none.
 */
export function exitCodeOf(failure: string): number | null {
  const match = /exit code:? (\d{1,3})\b/i.exec(failure);
  return match === null ? null : Number(match[1]);
}
