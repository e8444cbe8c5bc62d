import { z } from 'zod';
import type { LifecycleRequest } from '../core/lifecycle/request.ts';
import type { RetrainRequest } from '../core/release/retrain.ts';
import type { RolloutRequest } from '../core/rollout/request.ts';
import type { TrainRequest } from '../core/training/request.ts';
import {
  commandSchema,
  graceSecondsSchema,
  jobPolicySchema,
  paramsSchema,
  plain,
  resourcesSchema,
  seconds,
  SECONDS_MAX,
} from './jobs.ts';
import {
  artifactRefSchema,
  backendChoiceSchema,
  nameSchema,
  personSchema,
  versionSchema,
} from './names.ts';
import { parseOrThrow } from './parse.ts';
import { refreshSchema } from './pipeline.ts';

const share = z.number().min(0).max(1);

const columnSchema = z.strictObject({
  name: z.string().min(1).max(200),
  type: z.enum(['number', 'integer', 'string', 'timestamp']),
  min: z.number().optional(),
  max: z.number().optional(),
  nullShareMax: share.optional(),
  values: z
    .array(z.union([z.string(), z.number()]))
    .max(1000)
    .optional(),
  role: z.enum(['feature', 'identifier', 'label', 'time']).optional(),
});

export const dataContractSchema = z
  .strictObject({
    format: z.literal('csv'),
    columns: z.array(columnSchema).min(2).max(2000),
    label: z.string().min(1).max(200),
    rowsMin: z.int().min(1),
    leakageCorrelationMax: z.number().gt(0).max(1).default(0.98),
  })
  .refine((contract) => contract.columns.some((column) => column.name === contract.label), {
    path: ['label'],
    message: 'the label is one of the columns',
  });

const programSchema = z.strictObject({
  command: commandSchema,
  params: paramsSchema.default({}),
  timeoutSeconds: seconds(1, SECONDS_MAX),
});

export const trainingSchema = z.strictObject({
  prepare: programSchema,
  train: programSchema,
  resources: resourcesSchema,
  graceSeconds: graceSecondsSchema,
  policy: jobPolicySchema,
});

export const judgeSchema = z
  .strictObject({
    errorRate: z.number().gt(0).max(0.2).default(0.001),
    ratios: z
      .array(z.number().gt(1).max(10_000))
      .min(1)
      .max(50)
      .default([1.3, 1.6, 2, 3, 5, 10, 30, 100]),
    requestsMin: z.int().min(1).default(50),
    secondsMin: seconds(0, SECONDS_MAX).default(3),
    latencyMsMax: z.number().gt(0).max(600_000).default(250),
    errorShareMax: z.number().gt(0).max(1).default(0.05),
    ticksMin: z.int().min(1).max(1000).default(3),
    undecidedSecondsMax: seconds(1, SECONDS_MAX).default(900),
  })
  .prefault({});

const releaseShape = {
  stepsPercent: z
    .array(
      z
        .int('a weight is a whole number 0–100')
        .min(1, 'a weight is 1–100')
        .max(100, 'a weight is 0–100'),
    )
    .min(1)
    .max(50)
    .refine((steps) => steps.at(-1) === 100, 'the last step is 100')
    .refine(
      (steps) => steps.every((step, index) => index === 0 || step > (steps[index - 1] ?? 0)),
      'each step is larger than the one before',
    )
    .default([1, 5, 20, 50, 100]),
  judge: judgeSchema,
  bakeSeconds: seconds(0, SECONDS_MAX).default(60),
  tickSeconds: seconds(0.1, 3600).default(10),
  sticky: z.boolean().default(false),
};

export const releaseSchema = z.strictObject({
  regions: z
    .array(nameSchema)
    .min(1)
    .max(100)
    .refine((regions) => new Set(regions).size === regions.length, 'each region is named once'),
  ...releaseShape,
});

export const evaluationSchema = z
  .strictObject({
    floor: share.default(0.3),
    lossMax: share.default(0.02),
    confidence: z.number().min(0.5).max(0.9999).default(0.95),
    resamples: z.int().min(100).max(10_000).default(500),
    seed: z
      .int()
      .min(0)
      .max(2 ** 31 - 1)
      .default(1),
  })
  .prefault({});

const lifecycleShape = {
  schemaVersion: z.literal(1),
  model: nameSchema,
  author: personSchema,
  backends: backendChoiceSchema,
  data: z.strictObject({
    uri: z
      .string()
      .regex(/^[a-z][a-z0-9+.-]*:/, 'an absolute URI such as file:///data/transactions.csv')
      .max(2000),
    contract: dataContractSchema,
    refresh: refreshSchema.optional(),
  }),
  training: trainingSchema,
  evaluation: evaluationSchema,
  approval: z
    .strictObject({
      deadlineHours: z
        .number()
        .gt(0)
        .max(24 * 90)
        .default(72),
    })
    .prefault({}),
  release: releaseSchema,
  costUsdMax: z.number().gt(0).nullable().default(null),
};

export const lifecycleRequestSchema = z.strictObject({ ...lifecycleShape, version: versionSchema });
export const retrainRequestSchema = z.strictObject({
  schemaVersion: z.literal(1),
  lifecycle: z.strictObject(lifecycleShape),
});
export const trainRequestSchema = z.strictObject({
  schemaVersion: z.literal(1),
  model: nameSchema,
  version: versionSchema,
  backends: backendChoiceSchema,
  data: artifactRefSchema,
  training: trainingSchema,
});
export const rolloutRequestSchema = z.strictObject({
  schemaVersion: z.literal(1),
  model: nameSchema,
  version: versionSchema,
  region: nameSchema,
  backends: backendChoiceSchema,
  release: z.strictObject(releaseShape),
});

/** @throws OrreryError REQUEST_INVALID */
export function parseLifecycleRequest(value: unknown): LifecycleRequest {
  return plain(parseOrThrow(lifecycleRequestSchema, value, 'the lifecycle request'));
}
/** @throws OrreryError REQUEST_INVALID */
export function parseRetrainRequest(value: unknown): RetrainRequest {
  return plain(parseOrThrow(retrainRequestSchema, value, 'the retraining request'));
}
/** @throws OrreryError REQUEST_INVALID */
export function parseTrainRequest(value: unknown): TrainRequest {
  return plain(parseOrThrow(trainRequestSchema, value, 'the training request'));
}
/** @throws OrreryError REQUEST_INVALID */
export function parseRolloutRequest(value: unknown): RolloutRequest {
  return plain(parseOrThrow(rolloutRequestSchema, value, 'the rollout request'));
}
