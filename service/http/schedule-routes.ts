import { z } from 'zod';
import { parseRetrainRequest, retrainRequestSchema } from '../../schemas/lifecycle.ts';
import { nameSchema, reasonSchema } from '../../schemas/names.ts';
import {
  backfillSchedule,
  createSchedule,
  listSchedules,
  orderSchedule,
  showSchedule,
} from '../operations/schedules.ts';
import {
  scheduleCreateReply,
  scheduleListReply,
  scheduleOrderReply,
  scheduleReply,
} from './replies.ts';
import { ok, route } from './route.ts';
import type { Route } from './route.ts';

const ONE = '/v1/schedules/{model}';
const none = z.strictObject({});
const modelParams = z.strictObject({ model: nameSchema });
/** A year: schedules that fire less often are cron expressions. */
const SECONDS_MAX = 366 * 24 * 3600;

const timingSchema = z
  .strictObject({
    cron: z.string().min(1).max(200).optional(),
    everySeconds: z.int().min(60).max(SECONDS_MAX).optional(),
    timezone: z.string().min(1).max(100).optional().describe('IANA name, default UTC'),
    jitterSeconds: z.int().min(0).max(SECONDS_MAX).optional(),
  })
  .refine((timing) => (timing.cron === undefined) !== (timing.everySeconds === undefined), {
    message: 'exactly one of cron and everySeconds',
  });

export const SCHEDULE_ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: '/v1/schedules',
    operationId: 'listSchedules',
    summary: 'Lists the retraining schedules',
    params: none,
    query: none,
    body: null,
    reply: scheduleListReply,
    codes: [],
    run: ({ client }) => ok(listSchedules(client).then((schedules) => ({ schedules }))),
  }),
  route({
    method: 'POST',
    path: '/v1/schedules',
    operationId: 'createSchedule',
    summary: 'Creates the schedule that retrains a model',
    params: none,
    query: none,
    body: z.strictObject({ request: retrainRequestSchema, timing: timingSchema }),
    reply: scheduleCreateReply,
    codes: ['ALREADY_RUNNING', 'SETTINGS_INVALID'],
    run: async ({ client, body: { request, timing } }) => {
      const { cron, everySeconds, timezone, jitterSeconds } = timing;
      const value = await createSchedule(client, parseRetrainRequest(request), {
        ...(cron === undefined ? {} : { cron }),
        ...(everySeconds === undefined ? {} : { everySeconds }),
        ...(timezone === undefined ? {} : { timezone }),
        ...(jitterSeconds === undefined ? {} : { jitterSeconds }),
      });
      return { status: value.created ? 201 : 200, value };
    },
  }),
  route({
    method: 'GET',
    path: ONE,
    operationId: 'showSchedule',
    summary: 'Shows the schedule of a model',
    params: modelParams,
    query: none,
    body: null,
    reply: scheduleReply,
    codes: ['NOT_FOUND'],
    run: ({ client, params }) => ok(showSchedule(client, params.model)),
  }),
  route({
    method: 'DELETE',
    path: ONE,
    operationId: 'deleteSchedule',
    summary: 'Deletes the schedule of a model; a retraining that runs goes on',
    params: modelParams,
    query: none,
    body: null,
    reply: scheduleOrderReply,
    codes: ['NOT_FOUND'],
    run: ({ client, params }) => ok(orderSchedule(client, params.model, 'delete', '')),
  }),
  ...(['trigger', 'pause', 'unpause'] as const).map((order) =>
    route({
      method: 'POST',
      path: `${ONE}/${order}`,
      operationId: `${order}Schedule`,
      summary: `Orders the schedule of a model: ${order}`,
      params: modelParams,
      query: none,
      body: z.strictObject({ note: reasonSchema.default('') }),
      reply: scheduleOrderReply,
      codes: ['NOT_FOUND'],
      run: ({ client, params, body }) => ok(orderSchedule(client, params.model, order, body.note)),
    }),
  ),
  route({
    method: 'POST',
    path: `${ONE}/backfill`,
    operationId: 'backfillSchedule',
    summary: 'Fires for every time in a range, one after the other',
    params: modelParams,
    query: none,
    body: z.strictObject({
      from: z.iso.datetime({ offset: true }),
      to: z.iso.datetime({ offset: true }),
    }),
    reply: scheduleOrderReply,
    codes: ['NOT_FOUND'],
    run: ({ client, params, body }) => ok(backfillSchedule(client, params.model, body)),
  }),
];
