import { isAbsolute } from 'node:path';
import { z } from 'zod';
import { OrreryError } from '../../core/errors.ts';
import { awsConnection } from '../connections/aws/settings.ts';

/** Limits of the API: CreateTrainingJob → StoppingCondition, ResourceConfig; docs.aws.amazon.com/sagemaker. */
const KEEP_ALIVE_SECONDS_MAX = 3_600;
const WAIT_SECONDS_MAX = 2_592_000;
const VOLUME_GIB_DEFAULT = 30;
const POLL_MS_DEFAULT = 5_000;
const ENDED_HOURS_DEFAULT = 24;
/** What spot bills in the end, as a share of the time, unless the settings know better. */
const BILLED_SHARE_DEFAULT = 0.35;

const s3Prefix = z
  .string()
  .regex(/^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/[A-Za-z0-9._/-]*[A-Za-z0-9._-])?$/, {
    error: 'wanted s3://bucket/prefix without a slash at the end',
  });
const roleArn = z
  .string()
  .regex(/^arn:aws[a-z-]*:iam::\d{12}:role\/.+$/, 'wanted the ARN of a role');

/** A program that a job's command may name. */
const program = z.strictObject({
  /** Image in a registry that the role may pull from; it holds /bin/sh, coreutils and the program. */
  image: z.string().min(1),
  /** What stands in place of the command's first word. */
  command: z.array(z.string().min(1)).min(1),
});

const instanceType = z.strictObject({
  /** Such as `ml.m5.large`. */
  type: z.string().regex(/^ml\.[a-z0-9-]+\.[a-z0-9]+$/, 'wanted a type such as ml.m5.large'),
  cpus: z.int().min(1),
  memoryMiB: z.int().min(1),
  /** US dollars for one hour on demand. */
  usdPerHour: z.number().min(0),
});

const schema = z.strictObject({
  aws: awsConnection,
  /** Role that jobs, models and pipelines run under. */
  roleArn,
  /** Everything of ours in S3 lies under it: files of jobs, outputs, checkpoints, artifacts, records. */
  store: s3Prefix,
  /** First word of a job's command → image and program. */
  programs: z.record(z.string().min(1), program),
  instances: z.strictObject({
    /** Who says the prices, and as of when (ISO 8601 date). */
    source: z.string().min(1),
    asOf: z.iso.date(),
    /** The cheapest type with enough processors and memory is taken. */
    types: z.array(instanceType).min(1),
  }),
  /** Machines of one job; each runs the program. */
  instanceCount: z.int().min(1).max(100).default(1),
  volumeGiB: z.int().min(1).max(16_384).default(VOLUME_GIB_DEFAULT),
  /** Managed spot training for jobs of kind `train`; on demand when absent. */
  spot: z
    .strictObject({
      /** Longest wait for capacity, beyond the job's own limit, seconds. */
      waitSecondsMax: z.int().min(0).max(WAIT_SECONDS_MAX),
      /** Share of the time that spot will bill, 0–1: for the running estimate alone. */
      billedShare: z.number().min(0).max(1).default(BILLED_SHARE_DEFAULT),
    })
    .optional(),
  /** Warm pool: how long machines wait for the next job, seconds; 0 for none. Not with spot. */
  keepAliveSeconds: z.int().min(0).max(KEEP_ALIVE_SECONDS_MAX).default(0),
  /** Private subnets and security groups of jobs and models. */
  network: z
    .strictObject({
      subnets: z.array(z.string().min(1)).min(1),
      securityGroups: z.array(z.string().min(1)).min(1),
    })
    .optional(),
  serving: z
    .strictObject({
      /** Image whose server reads the model file and answers /invocations and /ping. */
      image: z.string().min(1),
      instanceType: z.string().min(1),
      /** Machines of each variant. */
      instanceCount: z.int().min(1).max(100).default(1),
    })
    .optional(),
  /** PEM files of P-256 keys whose signatures release a model. */
  trustedKeyFiles: z.array(z.string().refine(isAbsolute, 'wanted an absolute path')).default([]),
  /** How often the far side is asked while somebody waits, milliseconds, default 5,000. */
  pollMs: z.int().min(5).max(60_000).default(POLL_MS_DEFAULT),
  /** How long ended work stays in the inventory, hours, default 24. */
  endedHours: z.number().min(0).max(720).default(ENDED_HOURS_DEFAULT),
});

export type SagemakerSettings = z.infer<typeof schema>;

export const sagemakerSettings = {
  /** @throws OrreryError SETTINGS_INVALID naming each member that does not fit */
  parse(value: unknown): SagemakerSettings {
    const parsed = schema.safeParse(value);
    const faults = parsed.success
      ? contradictions(parsed.data)
      : parsed.error.issues.map(
          ({ path, message }) => `${path.join('.') || '(whole)'}: ${message}`,
        );
    if (parsed.success && faults.length === 0) return parsed.data;
    throw new OrreryError(
      'SETTINGS_INVALID',
      `Cannot open the backend "sagemaker": ${faults.join('; ')}`,
      { details: { faults } },
    );
  },
};

/** Managed spot and warm pools exclude each other (CreateTrainingJob → KeepAlivePeriodInSeconds). */
function contradictions({ spot, keepAliveSeconds }: SagemakerSettings): readonly string[] {
  return spot !== undefined && keepAliveSeconds > 0
    ? ['keepAliveSeconds: a warm pool and managed spot exclude each other, wanted one of them']
    : [];
}
