import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Validator } from '@seriousme/openapi-schema-validator';
import fc from 'fast-check';
import type { FastifyInstance, InjectOptions } from 'fastify';
import { ERRORS, OrreryError } from '../../core/errors.ts';
import type { ErrorCode } from '../../core/errors.ts';
import { authenticateLoopback } from '../../service/http/authenticate.ts';
import { BODY_BYTES_MAX, createApi, ROUTES } from '../../service/http/create-api.ts';
import { problemOf, problemSchema } from '../../service/http/problem.ts';
import { approvalWantedBy, engineDouble } from './engine-double.ts';
import type { EngineDouble } from './engine-double.ts';
import { requestJson, retrainJson } from './requests.ts';

let api: FastifyInstance;
let engine: EngineDouble;
beforeEach(async () => {
  engine = engineDouble();
  api = await createApi({ client: engine.client, authenticate: authenticateLoopback });
});
afterEach(() => api.close());

const HOST = { host: '127.0.0.1:7480' };
const send = (method: 'GET' | 'POST' | 'DELETE', url: string, payload?: object) =>
  api.inject({ method, url, headers: HOST, ...(payload === undefined ? {} : { payload }) });
const start = (changes = {}) => send('POST', '/v1/lifecycles', requestJson(changes));

describe('createApi', () => {
  it('starts a lifecycle once and answers the same request with the run that is there', async () => {
    const first = await start();
    const second = await start();
    const other = await start({ author: 'eve' });
    expect([first.statusCode, second.statusCode, other.statusCode]).toEqual([201, 200, 409]);
    expect(first.json()).toMatchObject({ workflowId: 'lifecycle/fraud/v1', started: true });
    expect(second.json()).toMatchObject({ started: false });
    expect(other.json()).toMatchObject({ code: 'ALREADY_RUNNING' });
    expect(engine.writes).toHaveLength(1);
  });

  it('names every member of a request that does not fit', async () => {
    const reply = await start({ model: 'Fraud', release: { regions: [] } });
    expect(reply.statusCode).toBe(400);
    expect(reply.headers['content-type']).toContain('application/problem+json');
    const members = reply.json().problems.map(({ member }: { member: string }) => member);
    expect(members).toEqual(expect.arrayContaining(['model', 'release.regions']));
  });

  it('shows a run with its card and what runs now', async () => {
    await start();
    const view = (await send('GET', '/v1/lifecycles/fraud/v1')).json();
    expect(view.card).toContain('orrery lifecycle approve fraud v1');
    expect(view.pending).toMatchObject([{ activity: 'superviseJob', attempt: 1 }]);
    expect((await send('GET', '/v1/lifecycles')).json().lifecycles).toHaveLength(1);
  });

  it('passes an approval on, and its refusal back', async () => {
    await start();
    const { deadlineAt: _, ...wanted } = approvalWantedBy('lifecycle/fraud/v1');
    const approval = {
      statement: { ...wanted, decision: 'approve', reason: '' },
      keyId: 'c'.repeat(64),
      signature: Buffer.alloc(64).toString('base64'),
    };
    const path = '/v1/lifecycles/fraud/v1/approve';
    expect((await send('POST', path, approval)).statusCode).toBe(200);
    const stale = { ...approval, statement: { ...approval.statement, nonce: 'old' } };
    const refused = await send('POST', path, stale);
    expect(refused.statusCode).toBe(409);
    expect(refused.json().code).toBe('APPROVAL_MISMATCH');
  });

  it('gives orders only in somebody’s name', async () => {
    await start();
    const path = '/v1/lifecycles/fraud/v1/rollback';
    expect((await send('POST', path, { reason: 'harm' })).json().code).toBe('REQUEST_INVALID');
    const done = await send('POST', path, { by: 'ada', reason: 'harm' });
    expect(done.json()).toEqual({ accepted: true, effect: 'rollback done' });
    expect(engine.writes.at(-1)).toEqual({
      what: 'rollback',
      value: { by: 'ada', reason: 'harm' },
    });
    expect((await send('POST', path, { by: 'ada', reason: 'refuse' })).json().code).toBe(
      'ORDER_REFUSED',
    );
  });

  it('creates a schedule that skips overlaps and says how far it catches up', async () => {
    const body = { request: retrainJson(), timing: { cron: '0 3 * * 1' } };
    expect((await send('POST', '/v1/schedules', body)).statusCode).toBe(201);
    expect((await send('POST', '/v1/schedules', body)).statusCode).toBe(200);
    expect(engine.writes[0]?.value).toMatchObject({
      scheduleId: 'retrain-fraud',
      policies: { overlap: 'SKIP', catchupWindow: '1 day' },
      action: { workflowType: 'retrainModel', workflowId: 'retrain/fraud' },
    });
    const both = { ...body, timing: { cron: '* * * * *', everySeconds: 60 } };
    expect((await send('POST', '/v1/schedules', both)).statusCode).toBe(400);
    expect((await send('POST', '/v1/schedules/fraud/trigger', {})).statusCode).toBe(200);
    expect((await send('DELETE', '/v1/schedules/fraud')).statusCode).toBe(200);
    expect((await send('GET', '/v1/schedules/fraud')).statusCode).toBe(404);
  });

  it('answers 503 while the server is down, and says that it is not ready', async () => {
    engine.down = true;
    for (const path of ['/v1/lifecycles', '/v1/lifecycles/fraud/v1', '/readyz']) {
      const reply = await send('GET', path);
      expect(reply.statusCode).toBe(503);
      expect(reply.json().code).toBe('ENGINE_UNREACHABLE');
    }
    expect((await send('GET', '/healthz')).statusCode).toBe(200);
  });

  it('refuses bodies over the limit, text bodies, foreign hosts and foreign origins', async () => {
    const big = await start({ author: 'a'.repeat(BODY_BYTES_MAX) });
    expect(big.statusCode).toBe(413);
    const post = (headers: Record<string, string>): InjectOptions => ({
      method: 'POST',
      url: '/v1/lifecycles',
      headers: { ...HOST, 'content-type': 'application/json', ...headers },
      payload: JSON.stringify(requestJson()),
    });
    expect((await api.inject(post({ 'content-type': 'text/plain' }))).statusCode).toBe(415);
    expect((await api.inject(post({ host: 'evil.example' }))).statusCode).toBe(401);
    expect((await api.inject(post({ origin: 'https://evil.example' }))).statusCode).toBe(401);
    expect(engine.writes).toHaveLength(0);
  });

  it('serves a console page whose policy allows nothing from elsewhere', async () => {
    const page = await send('GET', '/');
    const policy = String(page.headers['content-security-policy']);
    expect(policy).toMatch(/default-src 'none'; script-src 'sha256-[^ ]+'; style-src 'sha256-/);
    expect(page.body).not.toMatch(/innerHTML|https?:\/\/|<script src|<link/);
  });
});

describe('the OpenAPI document', () => {
  it('is valid OpenAPI 3.1 and has every route', async () => {
    const document = (await send('GET', '/openapi.json')).json();
    const result = await new Validator().validate(document);
    expect(result).toEqual({ valid: true });
    for (const route of ROUTES) {
      expect(document.paths[route.path][route.method.toLowerCase()].operationId).toBe(
        route.operationId,
      );
    }
  });
});

describe('problemOf', () => {
  it.each(Object.keys(ERRORS) as ErrorCode[])('answers %s with a status and an action', (code) => {
    const problem = problemSchema.parse(problemOf(new OrreryError(code, 'Cannot: no')));
    expect(problem.action).toBe(ERRORS[code].action);
    expect(problem.status === 500).toBe(code === 'INTERNAL');
  });

  it('says nothing about what happened inside', () => {
    expect(problemOf(new Error('secret'))).toMatchObject({ code: 'INTERNAL', status: 500 });
    expect(JSON.stringify(problemOf(new Error('secret')))).not.toContain('secret');
  });
});

describe('any request', () => {
  const weird = fc.oneof(
    fc.json(),
    fc.string(),
    fc.constant('{"__proto__":{"a":1}}'),
    fc
      .tuple(fc.constantFrom(...Object.keys(requestJson())), fc.jsonValue())
      .map(([member, value]) => JSON.stringify({ ...requestJson(), [member]: value })),
  );
  const segment = fc.oneof(fc.string(), fc.constantFrom('fraud', 'v1', '..', '%00', '%ff', '%'));

  it('is never answered 500, whatever its path, query and body', async () => {
    await start();
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...ROUTES),
        fc.array(segment, { minLength: 2, maxLength: 2 }),
        fc.boolean(),
        fc.string(),
        weird,
        async (route, segments, raw, query, payload) => {
          const values = raw ? segments.map((each) => each.replaceAll(/[^\w.%-]/g, '')) : segments;
          const parts = values.map((each) => (raw ? each : encodeURIComponent(each)));
          const path = route.path
            .replace('{model}', parts[0] ?? '')
            .replace('{version}', parts[1] ?? '');
          const reply = await api.inject({
            method: route.method,
            url: `${path}?limit=${encodeURIComponent(query)}`,
            headers: { ...HOST, 'content-type': 'application/json' },
            ...(route.method === 'POST' ? { payload } : {}),
          });
          expect(reply.statusCode).not.toBe(500);
          if (reply.statusCode >= 400) problemSchema.parse(reply.json());
        },
      ),
      { numRuns: 400 },
    );
  });
});
