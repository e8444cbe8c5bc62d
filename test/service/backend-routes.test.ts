import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { FastifyInstance } from 'fastify';
import { authenticateLoopback } from '../../service/http/authenticate.ts';
import { createApi, ROUTES } from '../../service/http/create-api.ts';
import { operatorScene, refuse } from './operator-scene.ts';
import type { OperatorScene } from './operator-scene.ts';

let scene: OperatorScene;
let api: FastifyInstance;
beforeEach(async () => {
  scene = await operatorScene();
  api = await createApi({ client: scene.engine.client, authenticate: authenticateLoopback });
});
afterEach(async () => {
  await api.close();
  await scene.remove();
});

async function send(method: 'GET' | 'POST' | 'DELETE', url: string, payload?: object) {
  const headers = { host: '127.0.0.1:7480' };
  const reply = await api.inject({ method, url, headers, ...(payload && { payload }) });
  checkReply(method, url, reply.statusCode, reply.json());
  return { status: reply.statusCode, body: reply.json() };
}

/** What a route answers fits the schema that its OpenAPI document has of it. */
function checkReply(method: string, url: string, status: number, body: unknown): void {
  if (status >= 300) return;
  const path = url.split('?')[0] ?? '';
  const found = ROUTES.find(
    (route) =>
      route.method === method &&
      new RegExp(`^${route.path.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path),
  );
  expect(found?.reply.safeParse(body)).toMatchObject({ success: true });
}

const live = {
  port: 'compute',
  key: 'j1',
  remoteId: 'jobs/j1',
  phase: 'running',
  labels: { model: 'm', version: 'v', workflowId: 'training/m/v' },
  startedAt: null,
  billableSeconds: 5,
  costUsd: null,
};
const PIPELINE = {
  schemaVersion: 1,
  model: 'fraud',
  version: 'v1',
  name: 'etl',
  backends: { default: 'cloud' },
  pipeline: { pipeline: 'refresh', timeoutSeconds: 3600 },
};

describe('The routes about backends', () => {
  it('list them like a price list, describe one and check one', async () => {
    const list = await send('GET', '/v1/backends?cpus=2');
    expect(list.body).toMatchObject({ machine: { cpus: 2, memoryMiB: 16_384 } });
    expect(list.body.offers[0]).toMatchObject({ name: 'cloud', price: { usdPerHour: 2 } });
    expect((await send('GET', '/v1/backends/host')).body.configured).toBe(true);
    expect((await send('GET', '/v1/backends/mainframe')).body.code).toBe('BACKEND_UNKNOWN');
    const { checks } = (await send('POST', '/v1/backends/cloud/check', {})).body;
    expect(checks).toMatchObject([{ backend: 'cloud', state: 'missing' }]);
  });

  it('list work with its owners and sweep what nobody owns', async () => {
    scene.answers.inventory = () => ({ items: [live], left: 0 });
    scene.answers.stopWork = () => ({ phase: 'cancelled', reason: 'stopped', seconds: 6 });
    const { work } = (await send('GET', '/v1/work?orphans=true')).body;
    expect(work).toMatchObject([{ backend: 'cloud', owner: 'unknown', orphan: true }]);
    const kept = await send('POST', '/v1/work/sweep', { keepUnknown: true });
    expect(kept.body).toEqual({ swept: [], untold: [] });
    const swept = await send('POST', '/v1/work/sweep', { backend: 'cloud' });
    expect(swept.body.swept).toMatchObject([{ phase: 'cancelled', kept: null }]);
    scene.engine.statuses.set('training/m/v', 'RUNNING');
    expect((await send('GET', '/v1/work?orphans=true')).body.work).toEqual([]);
  });

  it('pass orders to the ports of a far side, and its errors back', async () => {
    const { answers } = scene;
    answers.planDefinition = () => ({ name: 'd', change: 'none', diff: '' });
    answers.removeDefinition = () => ({ removed: 'd' });
    answers.readBackfill = () => null;
    answers.assetEvents = () => ({ items: [], left: 0 });
    answers.setPool = () => ({ name: 'p', slots: 1, usedSlots: 0 });
    answers.listPools = refuse('PORT_MISSING', 'Cannot use "cloud" for pools');
    const definition = { name: 'd', content: { kind: 'source', text: 'x' } };
    const at = '/v1/backends/cloud';
    expect((await send('POST', `${at}/definitions/plan`, definition)).body.change).toBe('none');
    expect((await send('DELETE', `${at}/definitions/d`)).body).toEqual({ removed: 'd' });
    expect((await send('GET', `${at}/backfills/p/k`)).body).toBeNull();
    expect((await send('GET', `${at}/assets/events?asset=s3%3A%2F%2Fa`)).status).toBe(200);
    expect((await send('POST', `${at}/pools`, { name: 'p', slots: 1 })).body.slots).toBe(1);
    const missing = await send('GET', `${at}/pools`);
    expect(missing).toMatchObject({ status: 400, body: { code: 'PORT_MISSING' } });
    expect((await send('POST', `${at}/pools`, { name: 'p', slots: -1 })).body.code).toBe(
      'REQUEST_INVALID',
    );
  });

  it('tell what a request costs at most and start it once', async () => {
    const plan = await send('POST', '/v1/pipelines/plan', PIPELINE);
    expect(plan.body).toMatchObject({ workflowId: 'pipeline/fraud/v1/etl', usdMax: null });
    const first = await send('POST', '/v1/pipelines', PIPELINE);
    const second = await send('POST', '/v1/pipelines', PIPELINE);
    expect([first.status, second.status]).toEqual([201, 200]);
    const other = { ...PIPELINE, pipeline: { ...PIPELINE.pipeline, timeoutSeconds: 1 } };
    expect((await send('POST', '/v1/pipelines', other)).body.code).toBe('ALREADY_RUNNING');
  });
});
