import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadModel } from '../../serving/model.ts';
import { ROWS_MAX } from '../../serving/rows.ts';
import { generateSignerKey } from '../../kernels/evidence/keys.ts';
import { spawnScorer } from '../support/scorer-process.ts';
import type { ScorerProcess } from '../support/scorer-process.ts';
import { readTinyModel, signModel, writeTinyModels } from '../support/tiny-models.ts';

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

let folder: string;
const keys = generateSignerKey();
const running: ScorerProcess[] = [];
let logistic: string;
let lookup: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'orrery-server-'));
  await writeTinyModels(folder);
  const serve = async (name: 'logistic' | 'lookup') => {
    const bytes = await readTinyModel(folder, name);
    const release = { model: 'fraud', version: 'v1', bytes };
    const scorer = await spawnScorer({
      ...release,
      folder: join(folder, name),
      envelope: signModel(keys.privateKey, release),
      publicKey: keys.publicKey,
    });
    running.push(scorer);
    return scorer.url();
  };
  [logistic, lookup] = await Promise.all([serve('logistic'), serve('lookup')]);
});
afterAll(async () => {
  for (const { child } of running) child.kill('SIGTERM');
  await Promise.all(running.map(({ ended }) => ended));
  await rm(folder, { recursive: true, force: true });
});

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

async function post(url: string, text: string): Promise<Answer> {
  const reply = await fetch(`${url}/score`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: text,
  });
  return { status: reply.status, headers: reply.headers, body: await reply.json() };
}
const score = (url: string, payload: unknown) => post(url, JSON.stringify(payload));

describe('POST /score', () => {
  it('scores rows in their order and names the model', async () => {
    const reply = await score(logistic, {
      rows: [
        { amount: 2, age: 0 },
        { amount: 0, age: 4 },
      ],
    });
    expect(reply.status).toBe(200);
    expect(reply.headers.get('x-orrery-model')).toBe('fraud/v1');
    const { scores } = reply.body as { scores: number[] };
    expect(scores).toHaveLength(2);
    expect(scores[0]).toBeCloseTo(sigmoid(1), 6);
    expect(scores[1]).toBeCloseTo(sigmoid(-1), 6);
  });

  it('scores one row and ignores fields that are no features', async () => {
    const reply = await score(logistic, { row: { age: 0, amount: 0, country: 'NL' } });
    expect(reply.body).toEqual({ scores: [0.5] });
  });

  it.each([
    ['a missing feature', { rows: [{ amount: 1, age: 1 }, { amount: 1 }] }, 'rows[1].age'],
    ['text in place of a number', { rows: [{ amount: '1', age: 1 }] }, 'rows[0].amount'],
    ['null', { row: { amount: null, age: 1 } }, 'row.amount'],
    ['a number beyond float32', { row: { amount: 1e39, age: 1 } }, 'row.amount'],
    ['a row that is a list', { rows: [[1, 2]] }, 'rows[0]'],
    ['no rows', { rows: [] }, 'rows'],
    ['both row and rows', { row: { amount: 1, age: 1 }, rows: [] }, 'rows'],
    ['neither', {}, 'rows'],
  ])('answers %s with 400 and the field', async (_case, payload, field) => {
    const reply = await score(logistic, payload);
    expect(reply.status).toBe(400);
    expect(reply.headers.get('content-type')).toContain('application/problem+json');
    expect(reply.body).toMatchObject({ status: 400, code: 'REQUEST_INVALID', field });
  });

  it('answers a body that is no JSON with 400', async () => {
    const reply = await post(logistic, '{"rows": [');
    expect(reply.status).toBe(400);
    expect(reply.body).toMatchObject({ code: 'REQUEST_INVALID', field: 'body' });
  });

  it('takes the largest number of rows and refuses one more with 413', async () => {
    const rows = (count: number) => Array.from({ length: count }, () => ({ amount: 1, age: 2 }));
    expect((await score(logistic, { rows: rows(ROWS_MAX) })).status).toBe(200);
    const refused = await score(logistic, { rows: rows(ROWS_MAX + 1) });
    expect(refused.status).toBe(413);
    expect(refused.body).toMatchObject({ field: 'rows' });
  });

  it('answers a failure inside the graph with 500 and goes on serving', async () => {
    const failed = await score(lookup, { row: { amount: 1, merchant: 7 } });
    expect(failed.status).toBe(500);
    expect(failed.body).toMatchObject({ status: 500, code: 'INTERNAL' });
    const next = await score(lookup, { row: { amount: 1, merchant: 2 } });
    expect(next.body).toEqual({ scores: [0.5] });
  });
});

describe('loadModel', () => {
  it('refuses a truncated file with MODEL_INVALID', async () => {
    const bytes = await readTinyModel(folder, 'logistic');
    await expect(loadModel(bytes.subarray(0, bytes.length - 20))).rejects.toMatchObject({
      code: 'MODEL_INVALID',
    });
  });
});

describe('GET /metrics', () => {
  it('counts scoring requests by status and keeps buckets from 5 to 1000 ms', async () => {
    await score(lookup, { row: {} });
    await fetch(`${lookup}/no-such-path`);
    const body = await (await fetch(`${lookup}/metrics`)).text();
    expect(body).toContain(
      'orrery_score_requests_total{status="400",model="fraud",version="v1"} 1',
    );
    for (const bound of ['0.005', '0.01', '0.025', '0.05', '0.1', '0.25', '0.5', '1']) {
      expect(body).toContain(`orrery_score_duration_seconds_bucket{le="${bound}",`);
    }
    expect(body).not.toContain('status="404"');
  });
});
