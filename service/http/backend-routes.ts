import { z } from 'zod';
import { nameSchema } from '../../schemas/names.ts';
import {
  checkBackends,
  describeBackend,
  offersOf,
  REFERENCE_MACHINE,
} from '../operations/backends.ts';
import { listWork, sweepWork } from '../operations/work.ts';
import {
  checksReply,
  descriptionReply,
  offersReply,
  sweepReply,
  workReply,
} from './backend-replies.ts';
import { ok, route } from './route.ts';
import type { Route } from './route.ts';

const ONE = '/v1/backends/{backend}';
const none = z.strictObject({});
const backendParams = z.strictObject({ backend: nameSchema });
const flag = z.stringbool({ truthy: ['true'], falsy: ['false'] });
const machineQuery = z.strictObject({
  cpus: z.coerce.number().gt(0).max(1024).default(REFERENCE_MACHINE.cpus),
  memoryMiB: z.coerce.number().int().min(16).default(REFERENCE_MACHINE.memoryMiB),
});

const overview: readonly Route[] = [
  route({
    method: 'GET',
    path: '/v1/backends',
    operationId: 'listBackends',
    summary: 'Lists the backends like a price list: ports, endpoint, price of an hour, state',
    params: none,
    query: machineQuery,
    body: null,
    reply: offersReply,
    codes: [],
    run: ({ client, query }) =>
      ok(offersOf(client, query).then((offers) => ({ machine: query, offers }))),
  }),
  route({
    method: 'GET',
    path: ONE,
    operationId: 'describeBackend',
    summary: 'Says what a backend has, what it lacks and why',
    params: backendParams,
    query: none,
    body: null,
    reply: descriptionReply,
    codes: ['BACKEND_UNKNOWN'],
    run: ({ client, params }) => ok(describeBackend(client, params.backend)),
  }),
  route({
    method: 'POST',
    path: `${ONE}/check`,
    operationId: 'checkBackend',
    summary: 'Asks a far side whether it would work, changing nothing',
    params: backendParams,
    query: none,
    body: none,
    reply: checksReply,
    codes: ['BACKEND_UNKNOWN'],
    run: ({ client, params }) =>
      ok(checkBackends(client, [params.backend]).then((checks) => ({ checks }))),
  }),
];

const work: readonly Route[] = [
  route({
    method: 'GET',
    path: '/v1/work',
    operationId: 'listWork',
    summary: 'Lists remote work with our labels, and whether its workflow runs',
    params: none,
    query: z.strictObject({ backend: nameSchema.optional(), orphans: flag.default(false) }),
    body: null,
    reply: workReply,
    codes: ['BACKEND_UNKNOWN'],
    run: ({ client, query: { backend, orphans } }) =>
      ok(listWork(client, { orphans, ...(backend === undefined ? {} : { backend }) })),
  }),
  route({
    method: 'POST',
    path: '/v1/work/sweep',
    operationId: 'sweepWork',
    summary: 'Stops live work whose workflow does not run, and tells the state that was read',
    params: none,
    query: none,
    body: z.strictObject({
      backend: nameSchema.optional(),
      keepUnknown: z
        .boolean()
        .default(false)
        .describe('leave work alone whose workflow this server does not know'),
    }),
    reply: sweepReply,
    codes: ['BACKEND_UNKNOWN'],
    run: ({ client, body: { backend, keepUnknown } }) =>
      ok(sweepWork(client, { keepUnknown, ...(backend === undefined ? {} : { backend }) })),
  }),
];

export const BACKEND_ROUTES: readonly Route[] = [...overview, ...work];
