import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateSignerKey } from '../../kernels/evidence/keys.ts';
import { spawnScorer } from '../support/scorer-process.ts';
import { readTinyModel, signModel, writeTinyModels } from '../support/tiny-models.ts';
import { until } from '../support/until.ts';

const CALLERS = 8;
const REQUESTS_BEFORE_END = 200;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'orrery-drain-'));
  await writeTinyModels(folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Answer {
  readonly status: number;
  readonly closes: boolean;
}

function post(url: string, agent: Agent): Promise<Answer> {
  const body = JSON.stringify({ rows: [{ amount: 1, age: 1 }] });
  return new Promise((resolve, reject) => {
    const sent = request(
      `${url}/score`,
      { method: 'POST', agent, headers: { 'content-type': 'application/json' } },
      (response) => {
        response.resume();
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            closes: response.headers.connection === 'close',
          }),
        );
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

it('a server that gets SIGTERM answers every request of callers that keep to `connection: close`', async () => {
  const keys = generateSignerKey();
  const release = {
    model: 'fraud',
    version: 'v1',
    bytes: await readTinyModel(folder, 'logistic'),
  };
  const scorer = await spawnScorer({
    ...release,
    folder: join(folder, 'scorer'),
    envelope: signModel(keys.privateKey, release),
    publicKey: keys.publicKey,
  });
  const url = await scorer.url();
  const agents = Array.from(
    { length: CALLERS },
    () => new Agent({ keepAlive: true, maxSockets: 1 }),
  );
  let answered = 0;
  const caller = async (agent: Agent): Promise<Answer> => {
    for (;;) {
      const answer = await post(url, agent);
      answered += 1;
      if (answer.closes || answer.status !== 200) return answer;
    }
  };
  const callers = agents.map(caller);
  await until('callers are busy', async () => (answered >= REQUESTS_BEFORE_END ? answered : null));
  scorer.child.kill('SIGTERM');
  const last = await Promise.all(callers);
  expect(last).toEqual(last.map(() => ({ status: 200, closes: true })));
  expect((await scorer.ended).code).toBe(0);
  for (const agent of agents) agent.destroy();
});
