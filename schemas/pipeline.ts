import { z } from 'zod';
import type { PipelineRequest } from '../core/pipeline/request.ts';
import { heartbeatTimeoutSchema, paramsSchema, plain, seconds, SECONDS_MAX } from './jobs.ts';
import { backendChoiceSchema, backendListSchema, nameSchema, versionSchema } from './names.ts';
import { parseOrThrow } from './parse.ts';

export const pipelineStepSchema = z.strictObject({
  pipeline: z.string().min(1).max(2000),
  version: z.string().min(1).max(500).nullable().default(null),
  params: paramsSchema.default({}),
  timeoutSeconds: seconds(1, SECONDS_MAX),
  on: backendListSchema.optional(),
});

export const pipelinePolicySchema = z
  .strictObject({
    attemptsMax: z.int().min(1).max(100).default(1),
    retryTasks: z.int().min(0).max(100).default(0),
    heartbeatTimeoutSeconds: heartbeatTimeoutSchema.optional(),
  })
  .prefault({});

/** What a lifecycle says of the pipeline that refreshes its data. */
export const refreshSchema = z.strictObject({
  pipeline: pipelineStepSchema,
  policy: pipelinePolicySchema,
});

export const pipelineRequestSchema = z.strictObject({
  schemaVersion: z.literal(1),
  model: nameSchema,
  version: versionSchema,
  name: nameSchema,
  backends: backendChoiceSchema,
  pipeline: pipelineStepSchema,
  policy: pipelinePolicySchema,
});

/** @throws OrreryError REQUEST_INVALID */
export function parsePipelineRequest(value: unknown): PipelineRequest {
  return plain(parseOrThrow(pipelineRequestSchema, value, 'the pipeline request'));
}
