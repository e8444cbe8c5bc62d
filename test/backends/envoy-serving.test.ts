import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createArtifacts } from '../../backends/local/artifacts.ts';
import { ensureKeys } from '../../backends/local/keys.ts';
import { createServing } from '../../backends/local/serving.ts';
import type { DeploySpec, EndpointReading, Serving } from '../../core/ports/serving.ts';
import type { RouteSpec } from '../../core/ports/traffic.ts';
import { scorePath } from '../../core/serving/score-path.ts';
import { aProxiedHome } from '../support/proxied-home.ts';
import type { ProxiedHome } from '../support/proxied-home.ts';
import { readTinyModel, signModel, writeTinyModels } from '../support/tiny-models.ts';
import type { TinyModel } from '../support/tiny-models.ts';
import { until } from '../support/until.ts';

// Real processes on a machine that may be busy.
jest.setTimeout(60_000);

const ROUTE = 'fraud.eu-west';
const SCORER = [process.execPath, join(import.meta.dirname, '../../serving/main.ts')];
let home: ProxiedHome;
let serving: Serving;

beforeAll(async () => {
  home = await aProxiedHome();
  await writeTinyModels(home.path);
  serving = createServing({ home: home.path, scorer: SCORER }, home.agent);
});
afterAll(() => home.close());

async function specOf(version: string, name: TinyModel): Promise<DeploySpec> {
  const bytes = await readTinyModel(home.path, name);
  const { signer } = await ensureKeys(home.path, []);
  const release = { model: 'fraud', version, bytes };
  return {
    key: `fraud/${version}/eu-west`,
    model: 'fraud',
    version,
    region: 'eu-west',
    modelRef: await createArtifacts({ home: home.path }).put(bytes),
    envelope: signModel(await readFile(signer, 'utf8'), release),
  };
}

const routeTo = (...arms: readonly (readonly [EndpointReading, number])[]): RouteSpec => ({
  route: ROUTE,
  arms: arms.map(([{ version, address }, weightPercent]) => ({
    version,
    address: address ?? '',
    weightPercent,
  })),
  mirror: null,
  sticky: false,
});

async function score(proxyAddress: string, row: object) {
  const reply = await fetch(`${proxyAddress}${scorePath(ROUTE)}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ row }),
  });
  return {
    status: reply.status,
    served: reply.headers.get('x-orrery-model'),
    body: (await reply.json()) as { readonly scores?: readonly number[]; readonly field?: string },
  };
}

describe('scoring servers of the local backend behind the proxy', () => {
  it('answer with the scores of the version that serves, and errors pass unchanged', async () => {
    const one = await serving.deploy(await specOf('v1', 'logistic'));
    const { address } = await home.traffic.set(routeTo([one, 100]));
    const answer = await score(address, { amount: 2, age: 0 });
    expect(answer).toMatchObject({ status: 200, served: 'fraud/v1' });
    expect(answer.body.scores?.[0]).toBeCloseTo(1 / (1 + Math.exp(-1)), 6);
    expect(await score(address, { amount: 2 })).toMatchObject({
      status: 400,
      served: 'fraud/v1',
      body: { field: 'row.age' },
    });
    const two = await serving.deploy(await specOf('v2', 'logistic-2'));
    await home.traffic.set(routeTo([one, 0], [two, 100]));
    expect(await score(address, { amount: 2, age: 0 })).toMatchObject({ served: 'fraud/v2' });
  });

  it('are taken away under load without a request that fails', async () => {
    const [one, two] = [
      await serving.deploy(await specOf('v1', 'logistic')),
      await serving.deploy(await specOf('v2', 'logistic-2')),
    ];
    const { address } = await home.traffic.set(routeTo([one, 50], [two, 50]));
    let busy = true;
    const callers = Promise.all(
      Array.from({ length: 4 }, async () => {
        const statuses: number[] = [];
        while (busy) statuses.push((await score(address, { amount: 1, age: 1 })).status);
        return statuses;
      }),
    );
    await home.traffic.set(routeTo([two, 100]));
    await serving.undeploy(one.key);
    busy = false;
    const statuses = (await callers).flat();
    expect(statuses.length).toBeGreaterThan(20);
    expect(statuses.filter((status) => status !== 200)).toEqual([]);
    expect((await serving.read(one.key)).phase).toBe('gone');
  });

  it('come back at their address when they are deployed again after they were killed', async () => {
    const spec = await specOf('v3', 'logistic');
    const before = await serving.deploy(spec);
    const { address } = await home.traffic.set(routeTo([before, 100]));
    for (const { name, pid } of (await home.agent.list()).services) {
      if (name.startsWith('scorer-') && pid !== null) process.kill(pid, 'SIGKILL');
    }
    await until('the death is seen', async () =>
      (await serving.read(spec.key)).reason.includes('SIGKILL') ? true : null,
    );
    expect((await serving.read(spec.key)).phase).toBe('failed');
    expect(await serving.deploy(spec)).toEqual(before);
    expect(await score(address, { amount: 0, age: 0 })).toMatchObject({
      status: 200,
      served: 'fraud/v3',
    });
  });
});
