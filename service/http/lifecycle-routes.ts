import { z } from 'zod';
import { OrreryError } from '../../core/errors.ts';
import { STAGES } from '../../core/lifecycle/state.ts';
import { lifecycleRequestSchema, parseLifecycleRequest } from '../../schemas/lifecycle.ts';
import { nameSchema, personSchema, reasonSchema, versionSchema } from '../../schemas/names.ts';
import { approveSigned } from '../operations/approve-lifecycle.ts';
import { historyOf } from '../operations/history.ts';
import {
  LIST_LIMIT_DEFAULT,
  LIST_LIMIT_MAX,
  listLifecycles,
} from '../operations/list-lifecycles.ts';
import {
  cancelLifecycle,
  ORDER_KINDS,
  orderLifecycle,
  reportIncident,
} from '../operations/order-lifecycle.ts';
import { showLifecycle } from '../operations/show-lifecycle.ts';
import { startLifecycle } from '../operations/start-lifecycle.ts';
import {
  cancelReply,
  historyReply,
  incidentReply,
  listReply,
  orderReply,
  showReply,
  startReply,
} from './replies.ts';
import { accepted, ok, route } from './route.ts';
import type { Route } from './route.ts';

const ONE = '/v1/lifecycles/{model}/{version}';
const idParams = z.strictObject({ model: nameSchema, version: versionSchema });
const none = z.strictObject({});

const orderBody = z.strictObject({
  by: personSchema.optional().describe('who orders; wanted without a token, whose subject it is'),
  reason: reasonSchema.default(''),
});

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, '64 lower-case hexadecimal digits');
const approvalBody = z.strictObject({
  statement: z.strictObject({
    workflowId: z.string().max(200),
    modelSha256: sha256,
    reportSha256: sha256,
    nonce: z.string().min(1).max(200),
    decision: z.enum(['approve', 'reject']),
    reason: reasonSchema,
  }),
  keyId: sha256,
  signature: z.base64().max(88).describe('Ed25519 over the canonical JSON of the statement'),
});
const incidentBody = z.strictObject({
  region: nameSchema.nullable().default(null).describe('null for every region'),
  description: z.string().min(1).max(2000),
});

const readings: readonly Route[] = [
  route({
    method: 'GET',
    path: '/v1/lifecycles',
    operationId: 'listLifecycles',
    summary: 'Lists lifecycles, newest first',
    params: none,
    query: z.strictObject({
      model: nameSchema.optional(),
      stage: z.enum(STAGES).optional(),
      needsDecision: z.stringbool({ truthy: ['true'], falsy: ['false'] }).optional(),
      limit: z.coerce.number().int().min(1).max(LIST_LIMIT_MAX).default(LIST_LIMIT_DEFAULT),
    }),
    body: null,
    reply: listReply,
    codes: ['SETTINGS_INVALID'],
    run: ({ client, query: { model, stage, needsDecision, limit } }) =>
      ok(
        listLifecycles(client, {
          ...(model === undefined ? {} : { model }),
          ...(stage === undefined ? {} : { stage }),
          ...(needsDecision === undefined ? {} : { needsDecision }),
          limit,
        }),
      ),
  }),
  route({
    method: 'GET',
    path: ONE,
    operationId: 'showLifecycle',
    summary: 'Shows one lifecycle: state, card, live progress, rollout',
    params: idParams,
    query: none,
    body: null,
    reply: showReply,
    codes: ['NOT_FOUND'],
    run: ({ client, params }) => ok(showLifecycle(client, params)),
  }),
  route({
    method: 'GET',
    path: `${ONE}/history`,
    operationId: 'readHistory',
    summary: 'Lists the events of a lifecycle, without payloads',
    params: idParams,
    query: none,
    body: null,
    reply: historyReply,
    codes: ['NOT_FOUND'],
    run: ({ client, params }) => ok(historyOf(client, params).then((events) => ({ events }))),
  }),
];

const writings: readonly Route[] = [
  route({
    method: 'POST',
    path: '/v1/lifecycles',
    operationId: 'startLifecycle',
    summary: 'Starts a lifecycle; 200 when the same request holds the id already',
    params: none,
    query: none,
    body: lifecycleRequestSchema,
    reply: startReply,
    codes: ['ALREADY_RUNNING', 'SETTINGS_INVALID'],
    run: async ({ client, body }) => {
      const value = await startLifecycle(client, parseLifecycleRequest(body));
      return { status: value.started ? 201 : 200, value };
    },
  }),
  route({
    method: 'POST',
    path: `${ONE}/approve`,
    operationId: 'approveLifecycle',
    summary: 'Sends a signed approval or rejection',
    params: idParams,
    query: none,
    body: approvalBody,
    reply: orderReply,
    codes: [
      'APPROVAL_MALFORMED',
      'APPROVAL_MISMATCH',
      'APPROVAL_NOT_WANTED',
      'APPROVER_IS_AUTHOR',
      'APPROVER_UNKNOWN',
      'SIGNATURE_INVALID',
      'NOT_FOUND',
      'ORDER_REFUSED',
    ],
    run: ({ client, params, body }) => ok(approveSigned(client, params, body)),
  }),
  ...ORDER_KINDS.map((kind) =>
    route({
      method: 'POST',
      path: `${ONE}/${kind}`,
      operationId: `${kind}Lifecycle`,
      summary: `Orders a ${kind} of the running lifecycle and answers what follows from it`,
      params: idParams,
      query: none,
      body: orderBody,
      reply: orderReply,
      codes: ['ORDER_REFUSED', 'NOT_FOUND'],
      run: ({ client, caller, params, body }) =>
        ok(
          orderLifecycle(client, params, kind, {
            by: ordererOf(caller, body.by),
            reason: body.reason,
          }),
        ),
    }),
  ),
  route({
    method: 'POST',
    path: `${ONE}/incident`,
    operationId: 'reportIncident',
    summary: 'Reports an incident: a rollout that runs is taken back',
    params: idParams,
    query: none,
    body: incidentBody,
    reply: incidentReply,
    codes: ['NOT_FOUND', 'ORDER_REFUSED'],
    run: ({ client, params, body }) => accepted(reportIncident(client, params, body)),
  }),
  route({
    method: 'POST',
    path: `${ONE}/cancel`,
    operationId: 'cancelLifecycle',
    summary: 'Requests cancellation; compensations go on after the answer',
    params: idParams,
    query: none,
    body: none,
    reply: cancelReply,
    codes: ['NOT_FOUND', 'ORDER_REFUSED'],
    run: ({ client, params }) => accepted(cancelLifecycle(client, params)),
  }),
];

export const LIFECYCLE_ROUTES: readonly Route[] = [...readings, ...writings];

/** The subject of a token cannot be overridden by what the body claims. */
function ordererOf(caller: string | null, claimed: string | undefined): string {
  const by = caller ?? claimed;
  if (by !== undefined) return by;
  throw new OrreryError(
    'REQUEST_INVALID',
    'Cannot take the order: by is missing, wanted the name of who orders',
  );
}
