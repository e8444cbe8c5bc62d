import Fastify from 'fastify';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Client } from '@temporalio/client';
import { OrreryError } from '../../core/errors.ts';
import { parseOrThrow } from '../../schemas/parse.ts';
import { askEngine } from '../engine-errors.ts';
import type { Authenticate } from './authenticate.ts';
import { BACKEND_ROUTES } from './backend-routes.ts';
import { readConsolePage } from './console.ts';
import { FAR_SIDE_ROUTES } from './far-side-routes.ts';
import { LIFECYCLE_ROUTES } from './lifecycle-routes.ts';
import { openApiDocument } from './openapi.ts';
import { PROBLEM_MEDIA_TYPE, problemOf } from './problem.ts';
import type { Problem } from './problem.ts';
import type { Call, Route } from './route.ts';
import { RUN_ROUTES } from './run-routes.ts';
import { SCHEDULE_ROUTES } from './schedule-routes.ts';

/** Bytes of a request body: what may enter a workflow's history in one payload. */
export const BODY_BYTES_MAX = 256 * 1024;
/** Milliseconds in which a request has to arrive. */
const REQUEST_MS_MAX = 30_000;
const API_VERSION = '1.0.0';

export const ROUTES: readonly Route[] = [
  ...LIFECYCLE_ROUTES,
  ...SCHEDULE_ROUTES,
  ...RUN_ROUTES,
  ...BACKEND_ROUTES,
  ...FAR_SIDE_ROUTES,
];

export interface ApiOptions {
  readonly client: Client;
  readonly authenticate: Authenticate;
  /** One line of JSON to standard error for every failure inside; default false. */
  readonly logFailures?: boolean;
}

/**
 * The HTTP API: routes under /v1, `/openapi.json`, the console page at `/`, `/healthz` (this process
 * is up) and `/readyz` (the Temporal server answers). Errors are problem details (RFC 9457).
 */
export async function createApi(options: ApiOptions): Promise<FastifyInstance> {
  const api = Fastify({
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_MS_MAX,
    forceCloseConnections: 'idle',
    // Paths that cannot be decoded are refused before any route is found.
    frameworkErrors: (error, _request, reply) => void sendProblem(reply, error),
    logger: options.logFailures === true ? { level: 'error', stream: process.stderr } : false,
  });
  // Text bodies can be sent by any web page without the browser asking first; JSON cannot.
  api.removeContentTypeParser('text/plain');
  api.setErrorHandler((error, request, reply) => {
    const problem = sendProblem(reply, error);
    if (problem.code === 'INTERNAL') request.log.error({ err: error }, 'unforeseen failure');
  });
  api.setNotFoundHandler((request, reply) => {
    sendProblem(
      reply,
      new OrreryError('NOT_FOUND', `Cannot serve ${request.method} ${request.url}: no such route`),
    );
  });
  for (const route of ROUTES) addRoute(api, route, options);
  await addPages(api, options.client);
  return api;
}

function sendProblem(reply: FastifyReply, error: unknown): Problem {
  const problem = problemOf(error);
  if (problem.code === 'FORBIDDEN') reply.header('www-authenticate', 'Bearer');
  reply.status(problem.status).type(PROBLEM_MEDIA_TYPE).send(JSON.stringify(problem));
  return problem;
}

function addRoute(api: FastifyInstance, route: Route, { client, authenticate }: ApiOptions): void {
  api.route({
    method: route.method,
    url: route.path.replaceAll(/\{(\w+)\}/g, ':$1'),
    handler: async (request, reply) => {
      reply.header('cache-control', 'no-store');
      const caller = await authenticate(request.headers);
      const call = {
        client,
        caller,
        params: parseOrThrow(route.params, request.params, 'the path'),
        query: parseOrThrow(route.query, request.query, 'the query'),
        body:
          route.body === null ? undefined : parseOrThrow(route.body, request.body, 'the request'),
      };
      const { status, value } = await route.run(call as Call<never, never, never>);
      return reply.status(status).send(value);
    },
  });
}

async function addPages(api: FastifyInstance, client: Client): Promise<void> {
  const { html, policy } = await readConsolePage();
  const document = openApiDocument(ROUTES, API_VERSION);
  api.get('/', async (_request, reply) =>
    reply
      .headers({
        'content-security-policy': policy,
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cache-control': 'no-cache',
      })
      .type('text/html; charset=utf-8')
      .send(html),
  );
  api.get('/openapi.json', async () => document);
  api.get('/healthz', async () => ({ healthy: true }));
  api.get('/readyz', async () => {
    await askEngine(client, 'reach the Temporal server', () =>
      client.workflowService.getSystemInfo({}),
    );
    return { ready: true };
  });
}
