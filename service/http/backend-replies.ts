import { z } from 'zod';

/** What the routes about backends answer, for the OpenAPI document. */
const text = z.string();
const textOrNull = z.string().nullable();
const at = z.string().describe('ISO 8601');
const phase = z.enum(['pending', 'running', 'succeeded', 'failed', 'cancelled', 'lost']);
const param = z.union([z.string(), z.number(), z.boolean()]);
const listed = <Item extends z.ZodType>(item: Item) =>
  z.object({ items: z.array(item), left: z.int().describe('how many more there are') });

const description = {
  name: text,
  summary: text,
  has: z.array(text),
  lacks: z.record(text, text).describe('port → why this system has none'),
  configured: z.boolean().describe('whether the worker that answered has settings for it'),
};
export const descriptionReply = z.object(description);

const price = z.object({ usdPerHour: z.number(), source: text, asOf: text });
const machine = z.object({ cpus: z.number(), memoryMiB: z.int() });
const checkState = z.enum(['ready', 'missing', 'unknown', 'unchecked', 'not configured']);
export const offersReply = z.object({
  machine: machine.describe('whose price is told'),
  offers: z.array(
    z.object({
      ...description,
      state: checkState,
      problem: text,
      endpoint: textOrNull,
      price: price.nullable(),
    }),
  ),
});
export const checksReply = z.object({
  checks: z.array(
    z.object({
      backend: text,
      state: checkState,
      seconds: z.number(),
      findings: z.array(
        z.object({
          subject: text,
          state: z.enum(['ok', 'missing', 'unknown']),
          told: text,
          action: text,
        }),
      ),
    }),
  ),
});

const workShape = {
  backend: text,
  port: z.enum(['compute', 'pipeline', 'tuning']),
  key: text,
  remoteId: text,
  phase,
  labels: z.object({ model: text, version: text, workflowId: text }),
  startedAt: at.nullable(),
  billableSeconds: z.number(),
  costUsd: z.number().nullable(),
  owner: z.enum(['running', 'ended', 'unknown']).describe('the workflow that the labels name'),
  orphan: z.boolean().describe('live, and its workflow does not run'),
};
const untold = z
  .array(z.object({ backend: text, reason: text }))
  .describe('backends that did not tell their work, or not all of it');
export const workReply = z.object({ work: z.array(z.object(workShape)), untold });
export const sweepReply = z.object({
  swept: z.array(
    z.object({
      ...workShape,
      stopped: z.object({ phase, reason: text, seconds: z.number() }).nullable(),
      kept: textOrNull.describe('why it was not stopped'),
    }),
  ),
  untold,
});

export const definitionChangeReply = z.object({
  name: text,
  change: z.enum(['create', 'update', 'none']),
  diff: text,
});
export const definitionReply = z.object({ name: text, digest: text, version: text });
export const definitionsReply = listed(definitionReply);
export const removedReply = z.object({ removed: text });

export const backfillPlanReply = listed(at);
export const backfillReply = z
  .object({
    key: text,
    remoteId: text,
    phase,
    runs: z.array(z.object({ at, phase })),
    reason: text,
  })
  .nullable();

export const assetEventReply = z.object({
  asset: text,
  key: text,
  at,
  extra: z.record(text, param),
});
export const assetEventsReply = listed(assetEventReply);
export const pipelineHandleReply = z.object({ key: text, remoteId: text });

export const poolReply = z.object({ name: text, slots: z.int(), usedSlots: z.int() });
export const poolsReply = listed(poolReply);

const plannedStep = z.object({
  step: text,
  backends: z.array(text).describe('in the order in which they are tried'),
  pricesFrom: text,
  resources: machine.nullable(),
  limitSeconds: z.number(),
  machineSecondsMax: z.number(),
  machineSecondsTotalMax: z.number().nullable(),
  prices: z.array(price.nullable()).describe('in the order of the backends'),
  usdMax: z.number().nullable(),
});
export const planReply = z.object({
  workflowId: text,
  steps: z.array(plannedStep),
  usdMax: z.number().nullable().describe('if every attempt runs to its limit'),
  costUsdMax: z.number().nullable(),
});
