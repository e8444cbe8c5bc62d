import fastify from 'fastify';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { createServerMetrics } from './server-metrics.ts';
import type { ScoringModel } from './model.ts';
import { readRows, RowError } from './rows.ts';

export interface ServerOptions {
  readonly scorer: ScoringModel;
  readonly model: string;
  readonly version: string;
}

export interface ScoringServer {
  readonly app: FastifyInstance;
  /**
   * Answers every request that has arrived and then closes. Readiness turns false at once and
   * answers tell callers to close their connections; for `lameDuckMs` new requests are still
   * served, because a proxy needs a moment to notice and a request may already be on its way.
   */
  drain(lameDuckMs: number): Promise<void>;
}

/** Largest body: `ROWS_MAX` rows of about two hundred features. */
const BODY_BYTES_MAX = 4 * 1024 * 1024;

const PROBLEM_TYPE = 'application/problem+json';

/** The HTTP surface of one model version. It does not listen yet. */
export function createServer({ scorer, model, version }: ServerOptions): ScoringServer {
  let draining = false;
  const metrics = createServerMetrics({ model, version });
  const app = fastify({
    bodyLimit: BODY_BYTES_MAX,
    forceCloseConnections: 'idle',
    // A request on a connection that was open when the drain began is served like any other.
    return503OnClosing: false,
  });

  app.addHook('onSend', async (_request, reply) => {
    // On every answer, probes included: who asks a port can tell whose it is.
    void reply.header('x-orrery-model', `${model}/${version}`);
    if (draining) void reply.header('connection', 'close');
  });
  app.addHook('onResponse', async (request, reply) => {
    if (request.routeOptions.url === '/score') {
      metrics.observe(reply.statusCode, reply.elapsedTime / 1000);
    }
  });
  app.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) => {
    if (error instanceof RowError) {
      return problem(reply, error.status, 'REQUEST_INVALID', error.message, error.field);
    }
    const status = error.statusCode ?? 500;
    const code = status < 500 ? 'REQUEST_INVALID' : 'INTERNAL';
    return problem(reply, status, code, error.message, status < 500 ? 'body' : undefined);
  });
  app.setNotFoundHandler((request, reply) =>
    problem(reply, 404, 'NOT_FOUND', `Cannot ${request.method} ${request.url}: no such path`),
  );

  app.post('/score', async (request) => {
    const { columns, rows } = readRows(request.body, scorer.features);
    const scores = await scorer.score(columns, rows);
    return { scores: Array.from(scores) };
  });
  app.get('/healthz', async () => ({ model, version, features: scorer.features }));
  app.get('/readyz', async (_request, reply) =>
    draining
      ? problem(reply, 503, 'DEPLOY_FAILED', 'Cannot take new requests: the server is draining')
      : { ready: true },
  );
  app.get('/metrics', async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.text()),
  );

  return {
    app,
    async drain(lameDuckMs) {
      draining = true;
      await new Promise((resolve) => setTimeout(resolve, lameDuckMs));
      await app.close();
      await scorer.close();
    },
  };
}

/** RFC 9457, with our error code and, for a malformed request, the field as extension members. */
function problem(
  reply: FastifyReply,
  status: number,
  code: string,
  detail: string,
  field?: string,
): FastifyReply {
  return reply
    .status(status)
    .type(PROBLEM_TYPE)
    .send({ type: 'about:blank', status, code, detail, ...(field === undefined ? {} : { field }) });
}
