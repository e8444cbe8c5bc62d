import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { CreateTrainingJobCommand, SageMakerClient } from '@aws-sdk/client-sagemaker';

import { backend } from '../../../backends/sagemaker/index.ts';
import type { OpenBackend } from '../../../core/backend.ts';
import { ERRORS, OrreryError } from '../../../core/errors.ts';
import type { ErrorCode } from '../../../core/errors.ts';
import { jobIntent } from '../../../core/training/job-key.ts';
import { contractSpec, expectCode, freshName } from '../../support/contract/harness.ts';
import { startFaultProxy } from '../../support/fault-proxy.ts';
import type { FaultProxy, ProxyFault } from '../../support/fault-proxy.ts';
import { until } from '../../support/until.ts';
import { openTestLayer, REGION, ROLE, settingsFor } from './far-side.ts';
import { livingJob } from './works.ts';
import type { Layer } from './layer/server.ts';
import { WireError } from './layer/wire.ts';

const FOREVER = { trainingSeconds: 1e6 };
/** Fits no lock of anything; a message that held it would leak. */
const SECRET = 'testing';

const intentOf = (life: object = FOREVER) => {
  const nonce = freshName('bad');
  const identity = { workflowId: nonce, firstRunId: 'r', step: 's', attempt: 1 };
  return jobIntent(identity, contractSpec(livingJob(life), nonce));
};

async function errorOf(call: Promise<unknown>): Promise<OrreryError> {
  const error: unknown = await call.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(OrreryError);
  return error as OrreryError;
}

describe('Bad input of SageMaker', () => {
  let layer: Layer;
  let proxy: FaultProxy;
  let open: OpenBackend;
  const compute = () => open.ports.compute!;
  beforeAll(async () => {
    layer = await openTestLayer();
    proxy = await startFaultProxy({ upstream: layer.url });
    const { aws } = settingsFor(proxy.url);
    open = await backend.open(
      settingsFor(proxy.url, { aws: { ...aws, attemptsMax: 1, timeoutMs: 500 } }),
    );
  });
  afterEach(() => proxy.decide(() => null));
  afterAll(async () => {
    await open.close();
    await proxy.close();
    await layer.close();
  });

  it.each<[string, string, ErrorCode]>([
    ['expired credentials', 'ExpiredTokenException', 'CREDENTIALS_INVALID'],
    ['credentials that nobody knows', 'UnrecognizedClientException', 'CREDENTIALS_INVALID'],
    ['a missing permission', 'AccessDeniedException', 'ACCESS_DENIED'],
    ['a quota that is used up', 'ResourceLimitExceeded', 'QUOTA_EXCEEDED'],
    ['a spec that is refused', 'ValidationException', 'SPEC_REJECTED'],
    ['throttling', 'ThrottlingException', 'BACKEND_UNAVAILABLE'],
  ])('%s (%s) is %s, with the words of the service', async (_, type, code) => {
    const words = `the far side says ${freshName('so')}`;
    layer.failNext('CreateTrainingJob', new WireError(type, words));
    const error = await errorOf(compute().start(intentOf()));
    expect(error.code).toBe(code);
    expect(error.message).toContain(words);
    expect(error.message).not.toContain(SECRET);
    expect(ERRORS[code].action).not.toBe('');
  });

  it('missing credentials are CREDENTIALS_INVALID before anything is sent', async () => {
    const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = process.env;
    delete process.env['AWS_ACCESS_KEY_ID'];
    delete process.env['AWS_SECRET_ACCESS_KEY'];
    process.env['AWS_SHARED_CREDENTIALS_FILE'] = '/nonexistent/credentials';
    process.env['AWS_CONFIG_FILE'] = '/nonexistent/config';
    const bare = await backend.open(settingsFor(proxy.url));
    try {
      const sent = proxy.outcomes.length;
      await expectCode(bare.ports.compute!.start(intentOf()), 'CREDENTIALS_INVALID');
      const findings = await bare.check!();
      expect(findings[0]).toMatchObject({ state: 'missing' });
      expect(findings[0]!.told).toMatch(/^CREDENTIALS_INVALID/);
      expect(proxy.outcomes.length).toBe(sent);
    } finally {
      await bare.close();
      delete process.env['AWS_SHARED_CREDENTIALS_FILE'];
      delete process.env['AWS_CONFIG_FILE'];
      Object.assign(process.env, { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY });
    }
  });

  it.each([
    ['a region of no partition', { region: 'europe' }],
    ['an address without encryption', { endpoints: { sagemaker: 'http://far.example' } }],
    ['a secret among the settings', { secretAccessKey: 'x' }],
    ['a CA file without a path', { caFile: 'ca.pem' }],
  ])('%s is SETTINGS_INVALID', (_, aws) => {
    const parse = () => settingsFor(layer.url, { aws: { region: REGION, ...aws } });
    expect(parse).toThrow(expect.objectContaining({ code: 'SETTINGS_INVALID' }));
  });

  it('an address where nobody listens is BACKEND_UNAVAILABLE', async () => {
    const gone = await startFaultProxy({ upstream: layer.url });
    await gone.close();
    const { aws } = settingsFor(gone.url);
    const away = await backend.open(settingsFor(gone.url, { aws: { ...aws, attemptsMax: 1 } }));
    const error = await errorOf(away.ports.compute!.start(intentOf()));
    expect(error.code).toBe('BACKEND_UNAVAILABLE');
    expect(error.message).toMatch(/ECONNREFUSED/);
    await away.close();
  });

  it('a name that a stranger’s job holds is NAME_TAKEN, and the job goes on', async () => {
    const intent = intentOf();
    const stranger = new SageMakerClient({ region: REGION, endpoint: layer.url });
    await stranger.send(
      new CreateTrainingJobCommand({
        TrainingJobName: intent.key,
        RoleArn: ROLE,
        AlgorithmSpecification: {
          TrainingInputMode: 'File',
          ContainerArguments: [`life=${JSON.stringify(FOREVER)}`],
        },
        OutputDataConfig: { S3OutputPath: 's3://orrery-test/stranger' },
        ResourceConfig: { InstanceType: 'ml.m5.large', InstanceCount: 1, VolumeSizeInGB: 1 },
        StoppingCondition: { MaxRuntimeInSeconds: 1e6 },
      }),
    );
    stranger.destroy();
    const error = await errorOf(compute().start(intent));
    expect(error.code).toBe('NAME_TAKEN');
    expect(error.message).toMatch(/none of ours/);
    expect(layer.training.find(intent.key).stopAskedAt).toBeNull();
  });

  it('a job that was deleted behind our back is lost', async () => {
    const { handle } = await compute().start(intentOf());
    layer.training.records.delete(handle.key);
    expect((await compute().read(handle)).phase).toBe('lost');
    expect((await compute().stop(handle)).phase).toBe('lost');
  });

  it.each(['a/b', 'with space', '-first', 'x'.repeat(64), 'ümlaut'])(
    'the key %p is SPEC_REJECTED and nothing is sent',
    async (key) => {
      const sent = proxy.outcomes.length;
      await expectCode(compute().start({ ...intentOf(), key }), 'SPEC_REJECTED');
      expect(proxy.outcomes.length).toBe(sent);
    },
  );

  it('a program that the settings do not know is TOOL_MISSING', async () => {
    const intent = intentOf();
    const spec = { ...intent.spec, command: ['unknown'] };
    await expectCode(compute().start({ ...intent, spec }), 'TOOL_MISSING');
  });

  it('an input that SageMaker cannot read is SPEC_REJECTED', async () => {
    const intent = intentOf();
    const inputs = { 'a.csv': { uri: 'file:///a.csv', sha256: '0'.repeat(64), bytes: 1 } };
    const error = await errorOf(compute().start({ ...intent, spec: { ...intent.spec, inputs } }));
    expect(error.code).toBe('SPEC_REJECTED');
    expect(error.message).toMatch(/wanted s3:/);
  });

  it.each<[ProxyFault['kind'], ProxyFault, ErrorCode]>([
    ['html', { kind: 'html' }, 'REPLY_MALFORMED'],
    ['garbled', { kind: 'garbled' }, 'REPLY_MALFORMED'],
    ['reset-before', { kind: 'reset-before' }, 'BACKEND_UNAVAILABLE'],
    ['reset-after', { kind: 'reset-after' }, 'BACKEND_UNAVAILABLE'],
    ['slow', { kind: 'slow', ms: 1_500 }, 'BACKEND_UNAVAILABLE'],
    ['status', { kind: 'status', status: 500, body: '{}' }, 'BACKEND_UNAVAILABLE'],
  ])('a create with the fault %s can be tried again, and makes one job', async (_, fault, code) => {
    const intent = intentOf();
    const jobs = () => [...layer.training.records.keys()].filter((name) => name === intent.key);
    proxy.decide(({ headers }) =>
      headers['x-amz-target'] === 'SageMaker.CreateTrainingJob' ? fault : null,
    );
    const error = await errorOf(compute().start(intent));
    expect(error.code).toBe(code);
    expect(ERRORS[code].retryable).toBe(true);
    proxy.decide(() => null);
    const { handle } = await compute().start(intent);
    expect(jobs()).toHaveLength(1);
    expect((await compute().stop(handle)).phase).toBe('cancelled');
  });

  it('a far side that takes a terminal state back is STATE_CONTRADICTED', async () => {
    const { handle } = await compute().start(intentOf({ trainingSeconds: 1 }));
    const ended = await until('it ends', async () => {
      const reading = await compute().read(handle);
      return reading.phase === 'succeeded' ? reading : null;
    });
    const record = layer.training.find(handle.key);
    layer.training.records.set(handle.key, {
      ...record,
      life: { ...record.life, trainingSeconds: 1e9 },
    });
    const again = compute().read(handle, { since: ended.revision, waitMs: 5_000 });
    await expectCode(again, 'STATE_CONTRADICTED');
  });

  it('check tells what works and what cannot be known', async () => {
    const findings = await open.check!();
    const states = Object.fromEntries(findings.map(({ subject, state }) => [subject, state]));
    expect(states).toEqual({
      'credentials and endpoint': 'ok',
      bucket: 'ok',
      role: 'unknown',
      quotas: 'unknown',
      serving: 'missing',
    });
    expect(findings.every(({ state, action }) => state === 'ok' || action !== '')).toBe(true);
  });
});
