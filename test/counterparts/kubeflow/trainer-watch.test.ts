import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { connectKubernetes } from '../../../backends/connections/kubernetes/client.ts';
import type { KubernetesClient } from '../../../backends/connections/kubernetes/client.ts';
import { kubernetesSettings } from '../../../backends/connections/kubernetes/settings.ts';
import { Changes } from '../../../backends/connections/kubernetes/watch.ts';
import { contractIntent, freshName } from '../../support/contract/harness.ts';
import { startFaultProxy } from '../../support/fault-proxy.ts';
import type { FaultProxy } from '../../support/fault-proxy.ts';
import { scriptedFaults } from '../../support/fault-script.ts';
import { until } from '../../support/until.ts';
import { followJob, openKubeflow, RUNS_LONG } from './trainer-way.ts';
import { openWorkplace } from './workplace.ts';
import type { Workplace } from './workplace.ts';

let workplace: Workplace;
let proxy: FaultProxy;
let client: KubernetesClient;

beforeAll(async () => {
  workplace = await openWorkplace();
  const { server, certificates } = workplace.cluster;
  const [key = '', cert = '', upstreamCa = ''] = await Promise.all(
    [certificates.key, certificates.cert, certificates.ca].map((path) => readFile(path, 'utf8')),
  );
  proxy = await startFaultProxy({ upstream: server, upstreamCa, tls: { key, cert } });
  const token = workplace.cluster.tokens.admin;
  const kubeconfig = await workplace.kubeconfigFor({ server: proxy.url, token });
  const { namespace } = workplace;
  client = connectKubernetes(kubernetesSettings.parse({ kubeconfig, namespace }));
});
afterAll(async () => {
  await client.close();
  await proxy.close();
  await workplace.close();
});

const WATCH = /^GET .*configmaps.*watch=true/;
const maps = () => `/api/v1/namespaces/${workplace.namespace}/configmaps`;
const write = (name: string) =>
  workplace.admin.patch(`${maps()}/${name}`, 'apply', {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name },
    data: { now: String(performance.now()) },
  });
const changesOfMaps = () =>
  new Changes(client, [{ collection: { path: maps() }, keyOf: ({ metadata }) => metadata.name }]);
const tokenOf = (changes: Changes, key: string) =>
  until('the collection is watched', () => Promise.resolve(changes.token(key)));

describe('Changes', () => {
  test('tells the readers of an object that changed, and leaves the others alone', async () => {
    const changes = changesOfMaps();
    const [mine, other] = [await tokenOf(changes, 'mine'), await tokenOf(changes, 'other')];
    const told = changes.wait('mine', mine, 60_000);
    await write('mine');
    await told;
    expect(changes.token('mine')).not.toBe(mine);
    expect(changes.token('other')).toBe(other);
    changes.close();
  });

  test('goes on where a watch ended that its server closed, and misses nothing meanwhile', async () => {
    const ends = { kind: 'status', status: 200, body: '' } as const;
    proxy.decide(scriptedFaults([{ on: WATCH, times: 3, fault: ends }]));
    const changes = changesOfMaps();
    const token = await tokenOf(changes, 'through');
    await write('through');
    await changes.wait('through', token, 60_000);
    const [epoch] = token.split('.');
    expect(changes.token('through')?.split('.')[0]).toBe(epoch);
    changes.close();
  });

  test('gives everybody another token after a watch that fell behind', async () => {
    proxy.decide(() => null);
    const changes = changesOfMaps();
    const before = await tokenOf(changes, 'any');
    changes.close();
    const gone = JSON.stringify({ type: 'ERROR', object: { code: 410, reason: 'Expired' } });
    const fault = { kind: 'status', status: 200, body: `${gone}\n` } as const;
    proxy.decide(scriptedFaults([{ on: WATCH, fault }]));
    await changes.wait('any', changes.token('any'), 60_000);
    expect(await tokenOf(changes, 'any')).not.toBe(before);
    changes.close();
  });

  test('has no token while watching is refused', async () => {
    const refused = { kind: 'status', status: 403 } as const;
    proxy.decide(scriptedFaults([{ on: WATCH, times: 1000, fault: refused }]));
    const changes = changesOfMaps();
    changes.token('any');
    await until('a watch was refused', () =>
      Promise.resolve(proxy.outcomes.some(({ fault }) => fault === refused) ? true : null),
    );
    expect(changes.token('any')).toBeNull();
    changes.close();
  });
});

describe('Watching a job', () => {
  test('in short waits asks the API server only when something has changed', async () => {
    proxy.decide(() => null);
    const { namespace } = workplace;
    const backend = await openKubeflow(
      await workplace.kubeconfigFor({ server: proxy.url }),
      namespace,
    );
    const compute = backend.ports.compute!;
    const { handle } = await compute.start(contractIntent(RUNS_LONG, freshName('watched')));
    const { revision } = await followJob(compute, handle, ({ phase }) => phase === 'running');
    await compute.read(handle, { since: revision, waitMs: 1000 });
    const before = proxy.outcomes.length;
    for (let wait = 0; wait < 20; wait += 1) {
      await compute.read(handle, { since: revision, waitMs: 100 });
    }
    const asked = proxy.outcomes.slice(before).map(({ call }) => `${call.method} ${call.path}`);
    process.stdout.write(`20 waits cost ${asked.length} requests\n`);
    // A look is two requests; the job may still settle, and watches may be renewed.
    expect(asked.length).toBeLessThanOrEqual(8);
    await compute.stop(handle);
    await backend.close();
  });
});
