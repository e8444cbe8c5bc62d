import { z } from 'zod';
import { nameSchema } from '../../schemas/names.ts';
import {
  assetNewsSchema,
  backfillSchema,
  definitionSchema,
  farName,
  poolSchema,
} from '../../schemas/operations.ts';
import { giveOrder } from '../operations/give-order.ts';
import {
  assetEventReply,
  assetEventsReply,
  backfillPlanReply,
  backfillReply,
  definitionChangeReply,
  definitionReply,
  definitionsReply,
  pipelineHandleReply,
  poolReply,
  poolsReply,
  removedReply,
} from './backend-replies.ts';
import { ok, route } from './route.ts';
import type { Route } from './route.ts';

const ONE = '/v1/backends/{backend}';
const none = z.strictObject({});
const backendParams = z.strictObject({ backend: nameSchema });
/** What any order to a far side may answer. */
const FAR_SIDE = [
  'BACKEND_UNKNOWN',
  'PORT_MISSING',
  'SETTINGS_INVALID',
  'CREDENTIALS_INVALID',
  'ACCESS_DENIED',
  'BACKEND_UNAVAILABLE',
  'REPLY_MALFORMED',
] as const;

const definitions: readonly Route[] = [
  ...(['planDefinition', 'putDefinition'] as const).map((kind) =>
    route({
      method: 'POST',
      path: kind === 'planDefinition' ? `${ONE}/definitions/plan` : `${ONE}/definitions`,
      operationId: kind,
      summary:
        kind === 'planDefinition'
          ? 'Tells what putting a pipeline would change'
          : 'Makes a pipeline so, and answers when the far side can run it',
      params: backendParams,
      query: none,
      body: definitionSchema,
      reply: kind === 'planDefinition' ? definitionChangeReply : definitionReply,
      codes: [...FAR_SIDE, 'NAME_TAKEN', 'SPEC_REJECTED', 'OPERATION_UNSUPPORTED'],
      run: ({ client, params: { backend }, body: definition }) =>
        ok(
          kind === 'planDefinition'
            ? giveOrder(client, { kind, backend, definition })
            : giveOrder(client, { kind, backend, definition }),
        ),
    }),
  ),
  route({
    method: 'GET',
    path: `${ONE}/definitions`,
    operationId: 'listDefinitions',
    summary: 'Lists the pipelines that are ours',
    params: backendParams,
    query: none,
    body: null,
    reply: definitionsReply,
    codes: FAR_SIDE,
    run: ({ client, params }) => ok(giveOrder(client, { kind: 'listDefinitions', ...params })),
  }),
  route({
    method: 'DELETE',
    path: `${ONE}/definitions/{name}`,
    operationId: 'removeDefinition',
    summary: 'Removes a pipeline of ours',
    params: z.strictObject({ backend: nameSchema, name: farName }),
    query: none,
    body: null,
    reply: removedReply,
    codes: [...FAR_SIDE, 'NAME_TAKEN'],
    run: ({ client, params }) => ok(giveOrder(client, { kind: 'removeDefinition', ...params })),
  }),
];

const backfillParams = z.strictObject({ backend: nameSchema, pipeline: farName, key: farName });
const backfills: readonly Route[] = [
  route({
    method: 'POST',
    path: `${ONE}/backfills/plan`,
    operationId: 'planBackfill',
    summary: 'Tells the times that a backfill would run',
    params: backendParams,
    query: none,
    body: backfillSchema,
    reply: backfillPlanReply,
    codes: [...FAR_SIDE, 'NOT_FOUND', 'SPEC_REJECTED'],
    run: ({ client, params, body: spec }) =>
      ok(giveOrder(client, { kind: 'planBackfill', ...params, spec })),
  }),
  route({
    method: 'POST',
    path: `${ONE}/backfills`,
    operationId: 'startBackfill',
    summary: 'Starts a backfill, once for a key',
    params: backendParams,
    query: none,
    body: backfillSchema,
    reply: backfillReply,
    codes: [...FAR_SIDE, 'NOT_FOUND', 'NAME_TAKEN', 'SPEC_REJECTED'],
    run: ({ client, params, body: spec }) =>
      ok(giveOrder(client, { kind: 'startBackfill', ...params, spec })),
  }),
  route({
    method: 'GET',
    path: `${ONE}/backfills/{pipeline}/{key}`,
    operationId: 'readBackfill',
    summary: 'Shows a backfill and its runs; null when there is none under the key',
    params: backfillParams,
    query: none,
    body: null,
    reply: backfillReply,
    codes: FAR_SIDE,
    run: ({ client, params }) => ok(giveOrder(client, { kind: 'readBackfill', ...params })),
  }),
  route({
    method: 'POST',
    path: `${ONE}/backfills/{pipeline}/{key}/stop`,
    operationId: 'stopBackfill',
    summary: 'Stops a backfill; answers when no run of it is live',
    params: backfillParams,
    query: none,
    body: none,
    reply: backfillReply,
    codes: FAR_SIDE,
    run: ({ client, params }) => ok(giveOrder(client, { kind: 'stopBackfill', ...params })),
  }),
];

const assets: readonly Route[] = [
  route({
    method: 'POST',
    path: `${ONE}/assets/publish`,
    operationId: 'publishAsset',
    summary: 'Tells that an asset has news, once for a key',
    params: backendParams,
    query: none,
    body: assetNewsSchema,
    reply: assetEventReply,
    codes: [...FAR_SIDE, 'NOT_FOUND'],
    run: ({ client, params, body }) =>
      ok(giveOrder(client, { kind: 'publishAsset', ...params, ...body })),
  }),
  route({
    method: 'GET',
    path: `${ONE}/assets/events`,
    operationId: 'assetEvents',
    summary: 'Lists the news of an asset, newest first',
    params: backendParams,
    query: z.strictObject({
      asset: farName,
      limit: z.coerce.number().int().min(1).max(1000).default(50),
    }),
    body: null,
    reply: assetEventsReply,
    codes: [...FAR_SIDE, 'NOT_FOUND'],
    run: ({ client, params, query: { asset, limit } }) =>
      ok(giveOrder(client, { kind: 'assetEvents', ...params, asset, countMax: limit })),
  }),
  route({
    method: 'POST',
    path: `${ONE}/assets/materialize`,
    operationId: 'materializeAsset',
    summary: 'Runs what makes an asset, once for a key',
    params: backendParams,
    query: none,
    body: assetNewsSchema.omit({ extra: true }),
    reply: pipelineHandleReply,
    codes: [...FAR_SIDE, 'NOT_FOUND'],
    run: ({ client, params, body }) =>
      ok(giveOrder(client, { kind: 'materializeAsset', ...params, ...body })),
  }),
];

const pools: readonly Route[] = [
  route({
    method: 'GET',
    path: `${ONE}/pools`,
    operationId: 'listPools',
    summary: 'Lists the pools and what of them is used',
    params: backendParams,
    query: none,
    body: null,
    reply: poolsReply,
    codes: FAR_SIDE,
    run: ({ client, params }) => ok(giveOrder(client, { kind: 'listPools', ...params })),
  }),
  route({
    method: 'POST',
    path: `${ONE}/pools`,
    operationId: 'setPool',
    summary: 'Creates a pool or changes its size',
    params: backendParams,
    query: none,
    body: poolSchema,
    reply: poolReply,
    codes: FAR_SIDE,
    run: ({ client, params, body }) =>
      ok(giveOrder(client, { kind: 'setPool', ...params, ...body })),
  }),
  route({
    method: 'DELETE',
    path: `${ONE}/pools/{name}`,
    operationId: 'removePool',
    summary: 'Removes a pool that nothing uses',
    params: z.strictObject({ backend: nameSchema, name: farName }),
    query: none,
    body: null,
    reply: removedReply,
    codes: [...FAR_SIDE, 'ORDER_REFUSED'],
    run: ({ client, params }) => ok(giveOrder(client, { kind: 'removePool', ...params })),
  }),
];

export const FAR_SIDE_ROUTES: readonly Route[] = [
  ...definitions,
  ...backfills,
  ...assets,
  ...pools,
];
