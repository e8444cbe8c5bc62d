import { z } from 'zod';
import type { TuneRequest } from '../core/tuning/request.ts';
import { gridSize } from '../core/tuning/points.ts';
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
  backendListSchema,
  nameSchema,
  versionSchema,
} from './names.ts';
import { parseOrThrow } from './parse.ts';

/** More would not fit into one history: a trial takes about twenty events. */
const TRIALS_MAX = 200;

const parameterName = z.string().min(1).max(200);
const numberParameter = z
  .strictObject({
    name: parameterName,
    type: z.enum(['double', 'integer']),
    min: z.number(),
    max: z.number(),
    scale: z.enum(['linear', 'log']).default('linear'),
    gridPoints: z.int().min(2).max(1000).default(3),
  })
  .refine(({ min, max }) => max > min, {
    path: ['max'],
    message: 'the maximum is above the minimum',
  })
  .refine(({ scale, min }) => scale !== 'log' || min > 0, {
    path: ['min'],
    message: 'the minimum of a logarithmic scale is above 0',
  })
  .refine(
    ({ type, min, max }) => type !== 'integer' || (Number.isInteger(min) && Number.isInteger(max)),
    { path: ['min'], message: 'bounds of an integer are whole numbers' },
  );
const categoricalParameter = z.strictObject({
  name: parameterName,
  type: z.literal('categorical'),
  values: z
    .array(z.string().max(1000))
    .min(1)
    .max(1000)
    .refine((values) => new Set(values).size === values.length, 'each value is named once'),
});

const searchSchema = z
  .strictObject({
    trial: z.strictObject({
      kind: z.enum(['prepare', 'train', 'score']).default('train'),
      command: commandSchema,
      params: paramsSchema.default({}),
      inputs: z.record(z.string().min(1).max(200), artifactRefSchema).default({}),
      outputs: z.array(z.string().min(1).max(200)).max(100).default([]),
      resources: resourcesSchema,
      timeoutSeconds: seconds(1, SECONDS_MAX),
      graceSeconds: graceSecondsSchema,
    }),
    space: z
      .array(z.union([numberParameter, categoricalParameter]))
      .min(1)
      .max(50)
      .refine(
        (space) => new Set(space.map(({ name }) => name)).size === space.length,
        'each parameter is named once',
      ),
    objective: z.strictObject({
      metric: z.string().min(1).max(200),
      goal: z.enum(['minimize', 'maximize']),
    }),
    algorithm: z.enum(['grid', 'random', 'bayesian']).default('random'),
    earlyStopping: z.enum(['none', 'median']).default('none'),
    trialsMax: z.int().min(1).max(TRIALS_MAX),
    parallelMax: z.int().min(1).max(100).default(1),
    failedMax: z.int().min(0).max(TRIALS_MAX).default(3),
    seed: z
      .int()
      .min(0)
      .max(2 ** 31 - 1)
      .default(1),
    timeoutSeconds: seconds(1, SECONDS_MAX),
  })
  .superRefine((search, context) => {
    const names = new Set(search.space.map(({ name }) => name));
    for (const name of Object.keys(search.trial.params))
      if (names.has(name))
        context.addIssue({
          code: 'custom',
          path: ['trial', 'params', name],
          message: 'the search sets it',
        });
    const points = search.algorithm === 'grid' ? gridSize(plain(search.space)) : 0;
    if (points > search.trialsMax)
      context.addIssue({
        code: 'custom',
        path: ['trialsMax'],
        message: `the grid has ${points} points, ${search.trialsMax} trials do not cover it`,
      });
  });

export const tuneRequestSchema = z
  .strictObject({
    schemaVersion: z.literal(1),
    model: nameSchema,
    version: versionSchema,
    name: nameSchema,
    backends: backendChoiceSchema,
    engine: z.enum(['backend', 'orrery']),
    on: backendListSchema.optional(),
    search: searchSchema,
    policy: jobPolicySchema,
  })
  .refine(({ engine, search }) => engine === 'backend' || search.algorithm !== 'bayesian', {
    path: ['search', 'algorithm'],
    message: 'the engine "orrery" searches by grid or random; a backend’s own may be bayesian',
  });

/** @throws OrreryError REQUEST_INVALID */
export function parseTuneRequest(value: unknown): TuneRequest {
  return plain(parseOrThrow(tuneRequestSchema, value, 'the tuning request'));
}
