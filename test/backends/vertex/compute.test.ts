import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';

import { phaseOfBoth } from '../../../backends/vertex/compute.ts';
import type { JobHandle, JobReading } from '../../../core/ports/compute.ts';
import type { ErrorCode } from '../../../core/errors.ts';
import { contractIntent, expectCode, freshName } from '../../support/contract/harness.ts';
import { until } from '../../support/until.ts';
import type { Message } from './double/protos.ts';
import type { WireFault } from './double/wire.ts';
import { COURSES, openVertex } from './opened.ts';
import type { Opened } from './opened.ts';

const same = <T>(api: T) => api;
const intentOf = (version: string, outputs: readonly string[] = ['model.onnx']) =>
  contractIntent({ command: ['train'], version, outputs }, freshName(version));

describe('compute of vertex', () => {
  let opened: Opened;
  beforeAll(async () => {
    opened = await openVertex({
      courses: {
        ...COURSES,
        expires: { ends: 'expires' },
        partial: { ends: 'partially-succeeds' },
        outruns: { ends: 'never', outrunsCancel: true },
        restarts: { ends: 'succeeds', restarts: 2 },
        forgets: { ends: 'succeeds', forgets: ['report.json'] },
        'over-time': { ends: 'is-cancelled-over-time' },
      },
    });
  });
  afterEach(() => {
    opened.double.wire.decide = () => null;
    opened.double.world.script = { ...opened.double.world.script, stockOut: null };
    opened.double.storage.refusal = null;
  });
  afterAll(() => opened.close());

  const endOf = (handle: JobHandle): Promise<JobReading> =>
    until('the job ends', async () => {
      const reading = await opened.ports.compute.read(handle);
      return ['pending', 'running'].includes(reading.phase) ? null : reading;
    });
  const run = async (version: string, outputs?: readonly string[]) =>
    endOf((await opened.ports.compute.start(intentOf(version, outputs))).handle);
  const always = (method: string, fault: WireFault) => {
    opened.double.wire.decide = (call) => (call.method === method ? fault : null);
  };

  it('tells a job that succeeds while it is being cancelled as succeeded', async () => {
    const { handle } = await opened.ports.compute.start(intentOf('outruns', []));
    expect((await opened.ports.compute.stop(handle)).phase).toBe('succeeded');
  });

  it('tells an expired job as failed', async () => {
    expect(await run('expires')).toMatchObject({ phase: 'failed', reason: /EXPIRED/ as never });
  });

  it('tells a partial success as succeeded where every output is there', async () => {
    const reading = await run('partial');
    expect(reading).toMatchObject({ phase: 'succeeded' });
    expect(reading.reason).toContain('PARTIALLY_SUCCEEDED');
  });

  it('tells how often the far side started a job again', async () => {
    expect((await run('restarts')).reason).toContain('started again 2 times by Vertex AI');
  });

  it('fails a job that succeeded without one of its outputs', async () => {
    const reading = await run('forgets', ['model.onnx', 'report.json']);
    expect(reading).toMatchObject({ phase: 'failed', outputs: {} });
    expect(reading.reason).toContain('JOB_OUTPUT_MISSING: report.json');
  });

  it('fails a job that was cancelled by its own limit', async () => {
    const { spec, ...intent } = intentOf('over-time');
    const limited = { ...intent, spec: { ...spec, timeoutSeconds: 0.01 } };
    opened.double.world.script = {
      ...opened.double.world.script,
      pace: { ...opened.double.world.script.pace, runMs: 1100 },
    };
    const reading = await endOf((await opened.ports.compute.start(limited)).handle);
    opened.double.world.script = {
      ...opened.double.world.script,
      pace: { ...opened.double.world.script.pace, runMs: 20 },
    };
    expect(reading.phase).toBe('failed');
    expect(reading.reason).toContain('over its limit of 1 s');
  });

  it('tells the progress that the program writes', async () => {
    const intent = intentOf('runs-long');
    const { handle } = await opened.ports.compute.start(intent);
    await until('the job runs', async () =>
      (await opened.ports.compute.read(handle)).phase === 'running' ? true : null,
    );
    const progress = { step: 3, steps: 9, message: 'loss 0.2', metrics: { loss: 0.2 } };
    const uri = `gs://bucket-of-tests/orrery/jobs/${intent.key}/progress.json`;
    opened.double.world.objects.set(uri, Buffer.from(JSON.stringify(progress)));
    const reading = await opened.ports.compute.read(handle);
    expect(reading.progress).toEqual(progress);
    opened.double.world.objects.set(uri, Buffer.from('{"step": 4, "st'));
    expect((await opened.ports.compute.read(handle)).progress).toBeNull();
    await opened.ports.compute.stop(handle);
  });

  it('says that a live job cannot be asked for a checkpoint', async () => {
    const { handle } = await opened.ports.compute.start(intentOf('runs-long'));
    await expectCode(opened.ports.compute.requestCheckpoint(handle), 'OPERATION_UNSUPPORTED');
    await opened.ports.compute.stop(handle);
  });

  it('reads a job that was deleted behind our back as lost', async () => {
    const { handle } = await opened.ports.compute.start(intentOf('succeeds'));
    await endOf(handle);
    opened.double.world.pipelineJobs.delete(handle.remoteId);
    expect((await opened.ports.compute.read(handle)).phase).toBe('lost');
    expect((await opened.ports.compute.stop(handle)).phase).toBe('lost');
  });

  it('refuses a run of a stranger under our key with NAME_TAKEN', async () => {
    const intent = intentOf('runs-long');
    const { handle } = await opened.ports.compute.start(intent);
    const run = opened.double.world.pipelineJobs.get(handle.remoteId);
    run.message = { ...run.message, labels: { team: 'others' } };
    await expectCode(opened.ports.compute.start(intent), 'NAME_TAKEN');
    await opened.ports.compute.stop(handle);
  });

  it('ends a job whose run has ended without it before it says so', async () => {
    const { handle } = await opened.ports.compute.start(intentOf('runs-long'));
    const run = opened.double.world.pipelineJobs.get(handle.remoteId);
    const [inner] = run.jobs;
    // The far side loses sight of its own job: the run is over, the machine is not.
    run.jobs = [];
    run.cancelAsked = true;
    const detached = opened.another((api) => ({
      ...api,
      pipelineJobs: {
        ...api.pipelineJobs,
        get: async (name) => {
          const read = await api.pipelineJobs.get(name);
          const detail = { executorDetail: { customJobDetail: { job: inner!.name } } };
          return {
            ...read,
            state: 'PIPELINE_STATE_CANCELLED',
            jobDetail: { taskDetails: [detail] },
          };
        },
      },
    }));
    expect((await detached.compute.read(handle)).phase).not.toBe('cancelled');
    expect((await detached.compute.stop(handle)).phase).toBe('cancelled');
    expect(inner!.life.isLive(Date.now())).toBe(false);
  });

  it.each([
    ['UNAUTHENTICATED', 'invalid authentication credentials', 'CREDENTIALS_INVALID'],
    ['PERMISSION_DENIED', "Permission 'aiplatform.pipelineJobs.create' denied", 'ACCESS_DENIED'],
    ['RESOURCE_EXHAUSTED', 'Quota exceeded for custom_model_training_cpus', 'QUOTA_EXCEEDED'],
    ['RESOURCE_EXHAUSTED', 'Resources are insufficient in region', 'CAPACITY_MISSING'],
    ['INVALID_ARGUMENT', 'Machine type "x" is not supported.', 'SPEC_REJECTED'],
    ['FAILED_PRECONDITION', 'The service account does not exist', 'SPEC_REJECTED'],
    ['UNAVAILABLE', 'The service is currently unavailable.', 'BACKEND_UNAVAILABLE'],
    ['INTERNAL', 'Internal error encountered.', 'BACKEND_UNAVAILABLE'],
  ] as const)('start answered with %s (%s) is %s, its words kept', async (status, told, code) => {
    always('PipelineService.CreatePipelineJob', { kind: 'refuse', status, told });
    const starting = opened.ports.compute.start(intentOf('succeeds'));
    await expectCode(starting, code satisfies ErrorCode);
    await expect(starting).rejects.toThrow(told);
  });

  it('start whose connection is cut is BACKEND_UNAVAILABLE, and again adopts what was made', async () => {
    const intent = intentOf('runs-long');
    always('PipelineService.CreatePipelineJob', { kind: 'reset-after' });
    await expectCode(opened.ports.compute.start(intent), 'BACKEND_UNAVAILABLE');
    opened.double.wire.decide = () => null;
    const { handle, outcome } = await opened.ports.compute.start(intent);
    expect(outcome).toBe('adopted');
    await opened.ports.compute.stop(handle);
  });

  it('start that succeeds after its caller’s limit is adopted by the next call', async () => {
    const hasty = opened.another(same, { callTimeoutSeconds: 0.2 });
    const intent = intentOf('runs-long');
    always('PipelineService.CreatePipelineJob', { kind: 'slow', ms: 600 });
    await expectCode(hasty.compute.start(intent), 'BACKEND_UNAVAILABLE');
    opened.double.wire.decide = () => null;
    expect((await opened.ports.compute.start(intent)).outcome).toBe('adopted');
  });

  it('a store that does not answer keeps the end of a job from being told wrongly', async () => {
    const { handle } = await opened.ports.compute.start(intentOf('succeeds'));
    await endOf(handle);
    opened.double.storage.refusal = 503;
    await expectCode(opened.ports.compute.read(handle), 'BACKEND_UNAVAILABLE');
    opened.double.storage.refusal = 403;
    await expectCode(opened.ports.compute.read(handle), 'ACCESS_DENIED');
  });

  it('refuses what no machine of the settings is large enough for', async () => {
    const { spec, ...intent } = intentOf('succeeds');
    const huge = { ...spec, resources: { cpus: 500, memoryMiB: 1 } };
    await expectCode(opened.ports.compute.start({ ...intent, spec: huge }), 'SPEC_REJECTED');
  });

  it('refuses a word that the settings do not know with TOOL_MISSING', async () => {
    const { spec, ...intent } = intentOf('succeeds');
    const unknown = { ...spec, command: ['no-such'] };
    await expectCode(opened.ports.compute.start({ ...intent, spec: unknown }), 'TOOL_MISSING');
  });

  it('refuses text that a pipeline would replace with SPEC_REJECTED', async () => {
    const { spec, ...intent } = intentOf('succeeds');
    const placeholder = { ...spec, params: { text: '{{$.inputs}}' } };
    await expectCode(opened.ports.compute.start({ ...intent, spec: placeholder }), 'SPEC_REJECTED');
  });

  it('asks for spot machines, the limit and the checkpoint folder of the scope', async () => {
    const spot = opened.another(same, {
      submit: 'custom-job',
      scheduling: { strategy: 'SPOT' },
    });
    const { spec, ...intent } = intentOf('runs-long');
    const { handle } = await spot.compute.start({
      ...intent,
      spec: { ...spec, checkpointScope: 'scope-7', timeoutSeconds: 90 },
    });
    const job = opened.double.world.customJobs.get(handle.remoteId).message['jobSpec'] as Message;
    expect(job).toMatchObject({
      scheduling: { strategy: 'SPOT', timeout: { seconds: '90' } },
      baseOutputDirectory: { outputUriPrefix: 'gs://bucket-of-tests/orrery/scopes/scope-7' },
      workerPoolSpecs: [{ machineSpec: { machineType: 'e2-standard-4' }, replicaCount: '1' }],
    });
    const { usdPerHour } = await spot.prices.quote({ cpus: 1, memoryMiB: 1 });
    expect(usdPerHour).toBeCloseTo(0.05);
    await spot.compute.stop(handle);
  });
});

describe('compute of vertex, jobs of their own', () => {
  let opened: Opened;
  beforeAll(async () => {
    opened = await openVertex({}, { submit: 'custom-job' });
  });
  afterAll(() => opened.close());

  it('read under a key with a twin tells the older one and ends the younger', async () => {
    const intent = intentOf('runs-long');
    const { compute } = opened.ports;
    const { world } = opened.double;
    const first = await compute.start(intent);
    world.script = { ...world.script, listLag: 0 };
    // A second worker whose search does not show the first job creates a twin.
    const blind = opened.another((api) => ({
      ...api,
      customJobs: { ...api.customJobs, list: async () => [] as never },
    }));
    const starting = blind.compute.start(intent).catch(() => null);
    await until('there is a twin', async () =>
      world.customJobs.ofKey(intent.key).length === 2 ? true : null,
    );
    const twin = world.customJobs.ofKey(intent.key)[1]!;
    const reading = await compute.read({ key: intent.key, remoteId: twin.name });
    expect(reading.logUri).toContain(first.handle.remoteId.split('/').at(-1)!);
    await until('the twin has ended', async () => (twin.life.isLive(Date.now()) ? null : true));
    expect((await compute.read(first.handle)).phase).toBe('running');
    expect(world.liveJobs(intent.key)).toHaveLength(1);
    await compute.stop(first.handle);
    await starting;
  });
});

describe('phaseOfBoth', () => {
  it.each([
    ['running', null, 'pending'],
    ['running', 'pending', 'pending'],
    ['running', 'running', 'running'],
    ['running', 'succeeded', 'running'],
    ['cancelled', 'running', 'running'],
    ['cancelled', 'succeeded', 'succeeded'],
    ['cancelled', 'cancelled', 'cancelled'],
    ['failed', 'failed', 'failed'],
    ['failed', null, 'failed'],
    ['succeeded', 'succeeded', 'succeeded'],
  ] as const)('of a run that is %s with a job that is %s is %s', (run, job, both) => {
    expect(phaseOfBoth(run, job)).toBe(both);
  });
});
