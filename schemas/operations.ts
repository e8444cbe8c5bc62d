import { z } from 'zod';
import type { BackendOrder, OperateRequest } from '../core/operations/order.ts';
import type { PipelineDefinition } from '../core/ports/definitions.ts';
import { nameSchema } from './names.ts';
import { parseOrThrow } from './parse.ts';

/** A source may be large, and a payload holds 256 KiB. */
const SOURCE_CHARACTERS_MAX = 200 * 1024;
const SECONDS_MAX = 30 * 24 * 3600;

/** A name on a far side: its own rules are its own business. */
export const farName = z.string().min(1).max(500);
const key = z.string().min(1).max(250);
const at = z.iso.datetime({ offset: true });
export const paramsSchema = z
  .record(z.string().max(200), z.union([z.string().max(10_000), z.number(), z.boolean()]))
  .default({});
export const resourcesSchema = z.strictObject({
  cpus: z.number().gt(0).max(1024),
  memoryMiB: z.int().min(16),
});

const taskSchema = z.strictObject({
  name: farName,
  command: z.array(z.string().min(1).max(4000)).min(1).max(100),
  params: paramsSchema,
  reads: z.array(farName).max(100).default([]),
  writes: z.array(farName).max(100).default([]),
  pool: farName.nullable().default(null),
  retries: z.int().min(0).max(100).default(0),
  timeoutSeconds: z.number().gt(0).max(SECONDS_MAX),
});
const flowSchema = z.strictObject({
  description: z.string().max(2000).default(''),
  schedule: z
    .discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('manual') }),
      z.strictObject({ kind: z.literal('cron'), cron: z.string().min(1).max(200) }),
      z.strictObject({ kind: z.literal('assets'), assets: z.array(farName).min(1).max(100) }),
    ])
    .default({ kind: 'manual' }),
  deadlineSeconds: z.number().gt(0).max(SECONDS_MAX).nullable().default(null),
  tasks: z.array(taskSchema).min(1).max(200),
});
export const definitionSchema = z.strictObject({
  name: farName,
  content: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('flow'), flow: flowSchema }),
    z.strictObject({
      kind: z.literal('source'),
      text: z.string().min(1).max(SOURCE_CHARACTERS_MAX),
    }),
  ]),
});
export const backfillSchema = z.strictObject({
  key,
  pipeline: farName,
  from: at,
  to: at,
  params: paramsSchema,
  reprocess: z.enum(['none', 'failed', 'completed']).default('none'),
  parallelMax: z.int().min(1).max(1000).default(1),
});
export const assetNewsSchema = z.strictObject({ asset: farName, key, extra: paramsSchema });
export const poolSchema = z.strictObject({ name: farName, slots: z.int().min(0).max(1_000_000) });
export const workHandleSchema = z.strictObject({
  port: z.enum(['compute', 'pipeline', 'tuning']),
  key,
  remoteId: z.string().min(1).max(2000),
});

const backend = nameSchema;
const orderSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('list') }),
  z.strictObject({ kind: z.literal('check'), backend }),
  z.strictObject({ kind: z.literal('quotePrice'), backend, resources: resourcesSchema }),
  z.strictObject({ kind: z.literal('inventory'), backend }),
  z.strictObject({ kind: z.literal('stopWork'), backend, work: workHandleSchema }),
  z.strictObject({
    kind: z.enum(['planDefinition', 'putDefinition']),
    backend,
    definition: definitionSchema,
  }),
  z.strictObject({ kind: z.literal('listDefinitions'), backend }),
  z.strictObject({ kind: z.literal('removeDefinition'), backend, name: farName }),
  z.strictObject({
    kind: z.enum(['planBackfill', 'startBackfill']),
    backend,
    spec: backfillSchema,
  }),
  z.strictObject({
    kind: z.enum(['readBackfill', 'stopBackfill']),
    backend,
    pipeline: farName,
    key,
  }),
  z.strictObject({ kind: z.literal('publishAsset'), backend, ...assetNewsSchema.shape }),
  z.strictObject({
    kind: z.literal('assetEvents'),
    backend,
    asset: farName,
    countMax: z.int().min(1).max(1000).default(50),
  }),
  z.strictObject({ kind: z.literal('materializeAsset'), backend, asset: farName, key }),
  z.strictObject({ kind: z.literal('setPool'), backend, ...poolSchema.shape }),
  z.strictObject({ kind: z.literal('listPools'), backend }),
  z.strictObject({ kind: z.literal('removePool'), backend, name: farName }),
]) satisfies z.ZodType<BackendOrder>;

export const operateRequestSchema = z.strictObject({
  schemaVersion: z.literal(1),
  order: orderSchema,
});

/** @throws OrreryError REQUEST_INVALID */
export function parseOperateRequest(value: unknown): OperateRequest {
  return parseOrThrow(operateRequestSchema, value, 'the order to a backend');
}
/** @throws OrreryError REQUEST_INVALID */
export function parseDefinition(value: unknown): PipelineDefinition {
  return parseOrThrow(definitionSchema, value, 'the definition');
}
