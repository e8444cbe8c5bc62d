import { z } from 'zod';
import { STAGES } from '../../core/lifecycle/state.ts';

/** What the routes answer, for the OpenAPI document. */
const text = z.string();
const textOrNull = z.string().nullable();
const at = z.string().describe('ISO 8601');

export const startReply = z.object({
  workflowId: text,
  runId: text,
  started: z.boolean().describe('false when the same request holds the id already'),
  requestDigest: text,
});

const summaryShape = {
  workflowId: text,
  runId: text,
  status: text.describe('Temporal’s status, such as RUNNING'),
  model: textOrNull,
  version: textOrNull,
  stage: textOrNull,
  needsDecision: z.boolean().nullable(),
  costUsd: z.number().nullable(),
  startedAt: at,
  closedAt: at.nullable(),
};
export const listReply = z.object({
  lifecycles: z.array(z.object(summaryShape)),
  more: z.boolean().describe('true when the limit cut the list'),
});

const approvalWanted = z.object({
  workflowId: text,
  modelSha256: text,
  reportSha256: text,
  nonce: text,
  deadlineAt: at,
});
const counts = z.object({ requests: z.int(), errors: z.int(), slow: z.int() });
const step = z.object({
  weightPercent: z.number(),
  verdict: z.enum(['hold', 'advance', 'condemn', 'undecided']),
  reason: text,
  seconds: z.number(),
  canary: counts,
  stable: counts,
});
const rolloutResult = z.object({
  outcome: z.enum(['promoted', 'rolled-back']),
  region: text,
  champion: textOrNull,
  weightPercent: z.number(),
  reason: text,
  steps: z.array(step),
});
const cost = z.looseObject({ usd: z.number(), usdMax: z.number().nullable() });
const lifecycleState = z.object({
  model: text,
  version: text,
  stage: z.enum(STAGES),
  paused: z.boolean(),
  gates: z.array(z.object({ stage: z.enum(STAGES), passed: z.boolean(), reason: text })),
  cost,
  approval: approvalWanted.nullable(),
  region: textOrNull,
  rollouts: z.array(rolloutResult),
  outcome: textOrNull,
  reason: text,
});
const rolloutState = z.object({
  region: text,
  stage: z.enum(['admit', 'deploy', 'canary', 'bake', 'rollback', 'done']),
  champion: textOrNull,
  weightPercent: z.number().describe('as read back from the proxy, 0–100'),
  stepsPercent: z.array(z.number()),
  paused: z.boolean(),
  question: textOrNull,
  steps: z.array(step),
  outcome: textOrNull,
  reason: text,
  leftovers: z.array(text),
});
export const showReply = z.object({
  ...summaryShape,
  state: lifecycleState.nullable(),
  stateProblem: textOrNull,
  card: textOrNull.describe('markdown'),
  pending: z.array(
    z.object({
      workflowId: text,
      activity: text,
      attempt: z.int(),
      startedAt: at.nullable(),
      heartbeatAt: at.nullable(),
      progress: z.unknown(),
      failure: textOrNull,
    }),
  ),
  rollout: z.object({ workflowId: text, state: rolloutState, card: text }).nullable(),
  result: z.looseObject({ outcome: text, reason: text }).nullable(),
  failure: textOrNull,
});

export const historyReply = z.object({
  events: z.array(
    z.object({
      id: z.int(),
      at: at.nullable(),
      event: text,
      name: textOrNull,
      summary: textOrNull,
      attempt: z.int().nullable(),
      failure: textOrNull,
    }),
  ),
});

export const orderReply = z.object({ accepted: z.literal(true), effect: text });
export const incidentReply = z.object({ reported: z.literal(true) });
export const cancelReply = z.object({ requested: z.literal(true) });

const scheduleShape = {
  scheduleId: text,
  paused: z.boolean(),
  note: textOrNull,
  nextAt: z.array(at),
  recent: z.array(z.object({ at, workflowId: text })),
};
export const scheduleCreateReply = z.object({ scheduleId: text, created: z.boolean() });
export const scheduleListReply = z.object({ schedules: z.array(z.object(scheduleShape)) });
export const scheduleReply = z.object({
  ...scheduleShape,
  overlap: text,
  catchupWindowSeconds: z.number(),
  fired: z.int(),
  skippedForOverlap: z.int(),
  missedCatchupWindow: z.int(),
  running: z.array(text),
  request: z.unknown(),
});
export const scheduleOrderReply = z.object({ scheduleId: text, done: text });
