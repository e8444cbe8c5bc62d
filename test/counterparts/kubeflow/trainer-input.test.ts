import { createSign } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import type { OpenBackend } from '../../../core/backend.ts';
import { OrreryError } from '../../../core/errors.ts';
import type { ErrorCode } from '../../../core/errors.ts';
import type { Compute, JobIntent } from '../../../core/ports/compute.ts';
import { trainJobPath, trainJobsPath } from '../../../backends/kubeflow/trainer/train-job.ts';
import { contractIntent, freshName } from '../../support/contract/harness.ts';
import { startFaultProxy } from '../../support/fault-proxy.ts';
import type { FaultProxy } from '../../support/fault-proxy.ts';
import { scriptedFaults } from '../../support/fault-script.ts';
import { until } from '../../support/until.ts';
import { openKubeflow, played, RUNS_LONG } from './trainer-way.ts';
import { openWorkplace } from './workplace.ts';
import type { Workplace } from './workplace.ts';

/** Patience of the client behind the proxy; enough for a machine under load. */
const PROXIED_MS_MAX = 5000;

let workplace: Workplace;
let proxy: FaultProxy;
/** Straight to the API server. */
let direct: Compute;
/** Through the proxy, with little patience. */
let proxied: Compute;
const opened: OpenBackend[] = [];

async function open(kubeconfig: string, timeoutMs = 15_000): Promise<Compute> {
  const backend = await openKubeflow(kubeconfig, workplace.namespace, { timeoutMs });
  opened.push(backend);
  return backend.ports.compute!;
}

beforeAll(async () => {
  workplace = await openWorkplace();
  const { server, certificates } = workplace.cluster;
  const [key, cert, upstreamCa] = await Promise.all(
    [certificates.key, certificates.cert, certificates.ca].map((path) => readFile(path, 'utf8')),
  );
  proxy = await startFaultProxy({
    upstream: server,
    upstreamCa: upstreamCa!,
    tls: { key: key!, cert: cert! },
  });
  direct = await open(workplace.kubeconfig);
  proxied = await open(await workplace.kubeconfigFor({ server: proxy.url }), PROXIED_MS_MAX);
});
afterAll(async () => {
  for (const backend of opened) await backend.close();
  await proxy.close();
  await workplace.close();
});

const intent = (job = RUNS_LONG): JobIntent => contractIntent(job, freshName('input'));

async function refusal(call: Promise<unknown>): Promise<{ code: ErrorCode; message: string }> {
  const error: unknown = await call.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(OrreryError);
  const { code, message } = error as OrreryError;
  return { code, message };
}

/** A token of the service account that was good until an hour ago, signed as the cluster signs. */
async function expiredToken(): Promise<string> {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: 'https://kubernetes.default.svc',
    aud: ['https://kubernetes.default.svc'],
    sub: `system:serviceaccount:${workplace.namespace}:worker`,
    iat: now - 7200,
    nbf: now - 7200,
    exp: now - 3600,
  };
  const body = `${part({ alg: 'RS256' })}.${part(claims)}`;
  const key = await readFile(workplace.cluster.certificates.accountKey, 'utf8');
  return `${body}.${createSign('RSA-SHA256').update(body).sign(key, 'base64url')}`;
}

describe('Credentials', () => {
  test('that have expired are CREDENTIALS_INVALID, and are not in the message', async () => {
    const token = await expiredToken();
    const expired = await open(await workplace.kubeconfigFor({ token }));
    const { code, message } = await refusal(expired.start(intent()));
    expect(code).toBe('CREDENTIALS_INVALID');
    expect(message).not.toContain(token);
  });

  test('without the permission are ACCESS_DENIED, which names it', async () => {
    const token = workplace.cluster.tokens.nobody;
    const nobody = await open(await workplace.kubeconfigFor({ token }));
    const { code, message } = await refusal(nobody.start(intent()));
    expect(code).toBe('ACCESS_DENIED');
    expect(message).toMatch(/cannot create resource "trainjobs"/);
  });
});

describe('Quota', () => {
  const quotas = () => `/api/v1/namespaces/${workplace.namespace}/resourcequotas`;
  const limit = (name: string, hard: object) =>
    workplace.admin.create(quotas(), {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name },
      spec: { hard },
    });
  /** A quota counts from when its controller has seen it. */
  const inForce = (name: string) =>
    until(`the quota ${name} is in force`, async () => {
      const quota = await workplace.admin.get<{ status?: { hard?: object } }>(
        `${quotas()}/${name}`,
      );
      return quota?.status?.hard === undefined ? null : true;
    });

  test('of TrainJobs that is used up is QUOTA_EXCEEDED with the server’s own words', async () => {
    await limit('jobs', { 'count/trainjobs.trainer.kubeflow.org': '0' });
    await inForce('jobs');
    const { code, message } = await refusal(direct.start(intent()));
    await workplace.admin.remove(`${quotas()}/jobs`);
    expect(code).toBe('QUOTA_EXCEEDED');
    expect(message).toMatch(/exceeded quota: jobs/);
  });

  test('of CPUs that is used up keeps a job pending, with the reason', async () => {
    await limit('cpus', { 'requests.cpu': '100m', 'limits.cpu': '100m' });
    await inForce('cpus');
    const { handle } = await direct.start(intent());
    const reading = await until('the reason is told', async () => {
      const told = await direct.read(handle);
      return told.reason.includes('exceeded quota: cpus') ? told : null;
    });
    expect(reading.phase).toBe('pending');
    expect((await direct.stop(handle)).phase).toBe('cancelled');
    await workplace.admin.remove(`${quotas()}/cpus`);
  });
});

describe('A spec', () => {
  test('that the schema forbids is SPEC_REJECTED with the server’s own words', async () => {
    const words = Array.from({ length: 200 }, () => 'word');
    const { code, message } = await refusal(direct.start(intent(played('run', ...words))));
    expect(code).toBe('SPEC_REJECTED');
    expect(message).toMatch(/spec\.trainer\.command.*must have at most 128 items/);
  });

  test('that a CEL rule of Trainer forbids is SPEC_REJECTED with the rule’s own words', async () => {
    const storageUri = 'no address';
    const job = {
      apiVersion: 'trainer.kubeflow.org/v1alpha1',
      kind: 'TrainJob',
      metadata: { name: 'cel', namespace: workplace.namespace },
      spec: {
        runtimeRef: { name: 'orrery', kind: 'TrainingRuntime' },
        initializer: { dataset: { storageUri } },
      },
    };
    const call = workplace.admin.create(trainJobsPath(workplace.namespace), job);
    const { code, message } = await refusal(call);
    expect(code).toBe('SPEC_REJECTED');
    expect(message).toContain('storageUri may be empty, or it must be a valid URI (scheme://...)');
  });

  test('with a field that the server does not know is refused, not trimmed', async () => {
    const job = {
      apiVersion: 'trainer.kubeflow.org/v1alpha1',
      kind: 'TrainJob',
      metadata: { name: 'unknown', namespace: workplace.namespace },
      spec: { runtimeRef: { name: 'orrery', kind: 'TrainingRuntime' }, elasticPolicy: {} },
    };
    const call = workplace.admin.create(trainJobsPath(workplace.namespace), job);
    const { code, message } = await refusal(call);
    expect(code).toBe('SPEC_REJECTED');
    expect(message).toContain('unknown field "spec.elasticPolicy"');
  });

  test('whose runtime is not there is SPEC_REJECTED by Trainer’s own webhook', async () => {
    const runtimes = `/apis/trainer.kubeflow.org/v1alpha1/namespaces/${workplace.namespace}/trainingruntimes`;
    const runtime = await workplace.admin.get<{ metadata: object; spec: object }>(
      `${runtimes}/orrery`,
    );
    await workplace.admin.remove(`${runtimes}/orrery`);
    const gone = () => refusal(direct.start(intent()));
    const { code, message } = await until('Trainer misses the runtime', async () => {
      const refused = await gone().catch(() => null);
      return refused;
    });
    const again = { ...runtime, metadata: { name: 'orrery', namespace: workplace.namespace } };
    await workplace.admin.create(runtimes, again);
    expect(code).toBe('SPEC_REJECTED');
    expect(message).toMatch(/TrainingRuntime.*"?orrery"? not found/);
  });

  test('under a key with forbidden characters is SPEC_REJECTED, and reads as lost', async () => {
    const key = 'Run/2026-11-24 #1';
    const { code, message } = await refusal(direct.start({ ...intent(), key }));
    expect(code).toBe('SPEC_REJECTED');
    expect(message).toContain(key);
    expect((await direct.read({ key, remoteId: 'x' })).phase).toBe('lost');
    expect((await direct.stop({ key, remoteId: 'x' })).phase).toBe('lost');
  });

  test('of a program that nobody knows is TOOL_MISSING', async () => {
    const job = { ...RUNS_LONG, command: ['trainer'] };
    expect((await refusal(direct.start(intent(job)))).code).toBe('TOOL_MISSING');
  });
});

describe('A name', () => {
  test('that a stranger’s TrainJob has is NAME_TAKEN, and the stranger’s is left alone', async () => {
    const wanted = intent();
    const stranger = {
      apiVersion: 'trainer.kubeflow.org/v1alpha1',
      kind: 'TrainJob',
      metadata: { name: wanted.key, namespace: workplace.namespace },
      spec: {
        runtimeRef: { name: 'orrery', kind: 'TrainingRuntime' },
        trainer: { command: ['/play', 'run'] },
      },
    };
    await workplace.admin.create(trainJobsPath(workplace.namespace), stranger);
    expect((await refusal(direct.start(wanted))).code).toBe('NAME_TAKEN');
    const path = trainJobPath(workplace.namespace, wanted.key);
    const left = await workplace.admin.get<{ spec: { suspend?: boolean } }>(path);
    expect(left?.spec.suspend).toBe(false);
    await workplace.admin.remove(path);
  });
});

describe('A reply', () => {
  const POST = /^POST .*trainjobs/;
  const strike = (fault: Parameters<typeof scriptedFaults>[0][number]['fault'], on = POST) =>
    proxy.decide(scriptedFaults([{ on, fault }]));

  test.each([
    ['a page of a gateway', { kind: 'html' } as const, 'BACKEND_UNAVAILABLE'],
    ['429', { kind: 'status', status: 429 } as const, 'BACKEND_UNAVAILABLE'],
    ['500', { kind: 'status', status: 500 } as const, 'BACKEND_UNAVAILABLE'],
    ['HTML in place of JSON', { kind: 'garbled' } as const, 'REPLY_MALFORMED'],
    ['a cut connection', { kind: 'reset-before' } as const, 'BACKEND_UNAVAILABLE'],
    ['a cut connection after the effect', { kind: 'reset-after' } as const, 'BACKEND_UNAVAILABLE'],
    ['late', { kind: 'slow', ms: 60_000 } as const, 'BACKEND_UNAVAILABLE'],
  ])('that is %s to a start ends in one job after a retry', async (_what, fault, code) => {
    const wanted = intent();
    strike(fault);
    expect((await refusal(proxied.start(wanted))).code).toBe(code);
    const { handle, outcome } = await proxied.start(wanted);
    expect(['created', 'adopted']).toContain(outcome);
    expect((await proxied.stop(handle)).phase).toBe('cancelled');
  });

  test('of a proxy that says 404 in HTML is not taken for a job that is lost', async () => {
    const { handle } = await direct.start(intent());
    const page = {
      kind: 'status',
      status: 404,
      body: '<html>404</html>',
      contentType: 'text/html',
    } as const;
    strike(page, /^GET .*trainjobs/);
    expect((await refusal(proxied.read(handle))).code).toBe('REPLY_MALFORMED');
    expect(['pending', 'running']).toContain((await proxied.read(handle)).phase);
    await direct.stop(handle);
  });

  test('with a schema that lacks what we write is VERSION_UNSUPPORTED', async () => {
    const schema = {
      'x-kubernetes-group-version-kind': [{ kind: 'TrainJob' }],
      properties: { spec: { properties: { runtimeRef: {}, trainer: {}, suspend: {} } } },
    };
    const body = JSON.stringify({ components: { schemas: { TrainJob: schema } } });
    strike({ kind: 'status', status: 200, body }, /^GET \/openapi/);
    const older = await open(await workplace.kubeconfigFor({ server: proxy.url }));
    const { code, message } = await refusal(older.start(intent()));
    expect(code).toBe('VERSION_UNSUPPORTED');
    expect(message).toMatch(/no spec\.activeDeadlineSeconds, no spec\.runtimePatches/);
  });
});
