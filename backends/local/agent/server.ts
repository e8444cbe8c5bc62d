import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { OrreryError } from '../../../core/errors.ts';
import type { Jobs } from './jobs.ts';
import { BODY_BYTES_MAX, WAIT_MS_MAX } from './protocol.ts';
import type { AgentHealth, ErrorBody, JobOrder, ServiceSpec } from './protocol.ts';
import type { Services } from './services.ts';

export interface Agent {
  readonly jobs: Jobs;
  readonly services: Services;
  readonly health: AgentHealth;
  /** Stops everything that the agent owns, and then the agent. */
  shutdown(): Promise<void>;
}

type Route = (call: {
  readonly name: string;
  readonly query: URLSearchParams;
  readonly body: unknown;
}) => unknown;

/** The agent over HTTP. It listens nowhere yet. */
export function createAgentServer(agent: Agent): Server {
  const routes = routesOf(agent);
  const server = createServer((request, response) => {
    answer(routes, request).then(
      (value) => send(response, 200, value),
      (error: unknown) => send(response, statusOf(error), bodyOf(error)),
    );
  });
  // Stopping a job and waiting for its progress take long; each call has a limit of its own.
  server.requestTimeout = 0;
  return server;
}

function routesOf({ jobs, services, health, shutdown }: Agent): Readonly<Record<string, Route>> {
  return {
    'GET /health': () => health,
    'GET /list': async () => ({ jobs: jobs.list(), services: await services.list() }),
    'POST /shutdown': () => shutdown(),
    'POST /jobs': ({ body }) => jobs.start(body as JobOrder),
    'GET /jobs/:name': ({ name, query }) =>
      jobs.read(name, {
        since: Number(query.get('since') ?? 0),
        waitMs: Math.min(Number(query.get('waitMs') ?? 0), WAIT_MS_MAX),
      }),
    'POST /jobs/:name/checkpoint': ({ name }) => jobs.checkpoint(name),
    'POST /jobs/:name/stop': ({ name }) => jobs.stop(name),
    'POST /services': ({ body }) => services.start(body as ServiceSpec),
    'GET /services/:name': ({ name }) => services.read(name),
    'POST /services/:name/stop': ({ name }) => services.stop(name),
  };
}

async function answer(
  routes: Readonly<Record<string, Route>>,
  request: IncomingMessage,
): Promise<unknown> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://agent');
  const [, noun = '', name = '', verb = ''] = pathname.split('/');
  const pattern = [noun, name === '' ? '' : ':name', verb].filter((part) => part !== '').join('/');
  const route = routes[`${request.method} /${pattern}`];
  if (route === undefined) {
    throw new OrreryError(
      'NOT_FOUND',
      `Cannot answer ${request.method} ${pathname}: the host agent has no such call, wanted one of ${Object.keys(routes).join(', ')}`,
    );
  }
  const body = await bodyOfRequest(request);
  return route({ name: decodeURIComponent(name), query: searchParams, body });
}

async function bodyOfRequest(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += (chunk as Buffer).length;
    if (bytes > BODY_BYTES_MAX) {
      throw invalid(`its body has more than ${BODY_BYTES_MAX} bytes, wanted a spec`);
    }
    chunks.push(chunk as Buffer);
  }
  if (bytes === 0) return undefined;
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch (cause) {
    throw invalid(`its body is no JSON (${String(cause)}), wanted a spec`);
  }
}

function invalid(state: string): OrreryError {
  return new OrreryError('REQUEST_INVALID', `Cannot read the order to the host agent: ${state}`);
}

function send(response: ServerResponse, status: number, value: unknown): void {
  const text = value === undefined ? '' : JSON.stringify(value);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    connection: 'close',
  });
  response.end(text);
}

/** The status is for people with curl; the client reads the code. */
function statusOf(error: unknown): number {
  if (!(error instanceof OrreryError) || error.code === 'INTERNAL') return 500;
  return error.code === 'NOT_FOUND' ? 404 : 409;
}

function bodyOf(error: unknown): ErrorBody {
  if (error instanceof OrreryError) {
    return { code: error.code, message: error.message, details: error.details };
  }
  return {
    code: 'INTERNAL',
    message: `Cannot carry out the order: ${String(error)}, wanted no surprise`,
    details: { stack: error instanceof Error ? error.stack : null },
  };
}
