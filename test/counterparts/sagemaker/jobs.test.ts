import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DeleteObjectCommand } from '@aws-sdk/client-s3';

import { backend } from '../../../backends/sagemaker/index.ts';
import type { OpenBackend } from '../../../core/backend.ts';
import { sha256Hex } from '../../../core/canonical.ts';
import type { JobHandle, JobReading, JobSpec } from '../../../core/ports/compute.ts';
import { jobIntent } from '../../../core/training/job-key.ts';
import { contractSpec, freshName } from '../../support/contract/harness.ts';
import { until } from '../../support/until.ts';
import { BUCKET, openTestLayer, putText, s3Client, settingsFor } from './far-side.ts';
import { livingJob } from './works.ts';
import type { Layer } from './layer/server.ts';

/** Seconds of the layer in one of ours, where the test measures how soon something is noticed. */
const SPEED = 100;

const intentOf = (life: object, more: Partial<JobSpec> = {}) => {
  const nonce = freshName('job');
  const spec = { ...contractSpec(livingJob(life), nonce), ...more };
  return jobIntent({ workflowId: nonce, firstRunId: 'r', step: 's', attempt: 1 }, spec);
};

describe('Jobs of SageMaker', () => {
  let layer: Layer;
  const opened: OpenBackend[] = [];
  const openWith = async (more: object = {}) => {
    const open = await backend.open(settingsFor(layer.url, more));
    opened.push(open);
    return open.ports.compute!;
  };
  beforeAll(async () => {
    layer = await openTestLayer(SPEED);
  });
  afterAll(async () => {
    for (const open of opened) await open.close();
    await layer.close();
  });

  const endOf = async (
    compute: Awaited<ReturnType<typeof openWith>>,
    handle: JobHandle,
  ): Promise<JobReading> =>
    until(`${handle.key} ends`, async () => {
      const reading = await compute.read(handle);
      return ['pending', 'running'].includes(reading.phase) ? null : reading;
    });

  it('bill the seconds that the service tells, times the machines', async () => {
    const compute = await openWith({ instanceCount: 3 });
    const { handle } = await compute.start(intentOf({ trainingSeconds: 40 }));
    const reading = await endOf(compute, handle);
    // 1 s downloading, 40 s training, 1 s uploading on each of three machines.
    expect(reading).toMatchObject({ phase: 'succeeded', billableSeconds: 126 });
  });

  it('on spot bill what is left after the saving, and tell the saving', async () => {
    const compute = await openWith({ spot: { waitSecondsMax: 600 } });
    const { handle } = await compute.start(
      intentOf({ trainingSeconds: 98, spotBilledShare: 0.25 }),
    );
    const reading = await endOf(compute, handle);
    expect(reading.billableSeconds).toBe(25);
    expect(reading.reason).toMatch(/spot saved 75 %/);
  });

  it('on spot ask for a wait that is not shorter than the run, and for checkpoints', async () => {
    const compute = await openWith({ spot: { waitSecondsMax: 600 } });
    const intent = intentOf({}, { checkpointScope: 'c1', timeoutSeconds: 300 });
    await compute.start(intent);
    expect(layer.training.find(intent.key).request).toMatchObject({
      EnableManagedSpotTraining: true,
      StoppingCondition: { MaxRuntimeInSeconds: 300, MaxWaitTimeInSeconds: 900 },
      CheckpointConfig: {
        S3Uri: `s3://${BUCKET}/orrery/checkpoints/c1`,
        LocalPath: '/opt/ml/checkpoints',
      },
    });
  });

  it('keep a warm pool when the settings say so', async () => {
    const compute = await openWith({ keepAliveSeconds: 600 });
    const intent = intentOf({});
    await compute.start(intent);
    expect(layer.training.find(intent.key).request.ResourceConfig).toMatchObject({
      InstanceType: 'ml.m5.large',
      InstanceCount: 1,
      KeepAlivePeriodInSeconds: 600,
    });
  });

  it('tell an interruption of spot while they go on', async () => {
    const compute = await openWith({ spot: { waitSecondsMax: 5_000 }, pollMs: 20 });
    const life = { trainingSeconds: 200, interruptedAtSeconds: [50], interruptedSeconds: 100 };
    const { handle } = await compute.start(intentOf(life, { timeoutSeconds: 5_000 }));
    let reading = await compute.read(handle);
    while (!/Interrupted/.test(reading.progress?.message ?? '')) {
      reading = await compute.read(handle, { since: reading.revision, waitMs: 10_000 });
    }
    const noticedAt = layer.clock.now();
    const moment = layer.training.momentOf(layer.training.find(handle.key));
    const interrupted = moment.segments.find(({ status }) => status === 'Interrupted')!;
    const seconds = (noticedAt - interrupted.from) / 1000 / SPEED;
    process.stdout.write(
      `  an interruption is noticed after ${seconds.toFixed(3)} s at a poll of 0.02 s\n`,
    );
    expect(reading.phase).toBe('running');
    const before = reading.revision;
    reading = await compute.read(handle, { since: before, waitMs: 10_000 });
    expect(reading.revision).toBeGreaterThan(before);
    expect(reading.phase).toBe('running');
    expect((await endOf(compute, handle)).phase).toBe('succeeded');
  });

  it('over their timeout have failed, and are not cancelled', async () => {
    const compute = await openWith();
    const life = { trainingSeconds: 900, stoppingSeconds: 1 };
    const { handle } = await compute.start(intentOf(life, { timeoutSeconds: 20 }));
    const reading = await endOf(compute, handle);
    expect(reading).toMatchObject({ phase: 'failed', exit: null });
    expect(reading.reason).toMatch(/MaxRuntimeExceeded/);
  });

  it('without spot capacity in time have failed and say so', async () => {
    const compute = await openWith({ spot: { waitSecondsMax: 0 } });
    const { handle } = await compute.start(
      intentOf({ startingSeconds: 900 }, { timeoutSeconds: 30 }),
    );
    const reading = await endOf(compute, handle);
    expect(reading.phase).toBe('failed');
    expect(reading.reason).toMatch(/MaxWaitTimeExceeded/);
  });

  it('without capacity on demand have failed with CAPACITY_MISSING and the words of the service', async () => {
    const compute = await openWith();
    const failure = 'CapacityError: Unable to provision requested ML compute capacity.';
    const { handle } = await compute.start(intentOf({ trainingSeconds: 1, failure }));
    const reading = await endOf(compute, handle);
    expect(reading).toMatchObject({ phase: 'failed', exit: null });
    expect(reading.reason).toBe(`CAPACITY_MISSING: ${failure}`);
  });

  it('in a status of tomorrow are live', async () => {
    const compute = await openWith();
    const { handle } = await compute.start(
      intentOf({ trainingStatus: 'Teleporting', trainingSeconds: 1e6 }),
    );
    const reading = await until('it teleports', async () => {
      const now = await compute.read(handle);
      return now.progress?.message.startsWith('Teleporting') === true ? now : null;
    });
    expect(reading.phase).toBe('running');
    await compute.stop(handle);
  });

  it('that complete while they are stopped are told as succeeded', async () => {
    const compute = await openWith();
    const { handle } = await compute.start(
      intentOf({ trainingSeconds: 1e6, completesWhenStopped: true }),
    );
    expect((await compute.stop(handle)).phase).toBe('succeeded');
  });

  it('tell cancelled after Stopped was read, and not when the order was taken', async () => {
    const compute = await openWith();
    const { handle } = await compute.start(intentOf({ trainingSeconds: 1e6, stoppingSeconds: 60 }));
    const stopping = compute.stop(handle);
    const during = await until('it is stopping', async () => {
      const now = await compute.read(handle);
      return now.progress?.message.startsWith('Stopping') === true ? now : null;
    });
    expect(during.phase).toBe('running');
    const reading = await stopping;
    expect(reading.phase).toBe('cancelled');
    expect(layer.training.momentOf(layer.training.find(handle.key)).status).toBe('Stopped');
  });

  it('without their manifest have failed with JOB_OUTPUT_MISSING', async () => {
    const compute = await openWith();
    const { handle } = await compute.start(intentOf({}));
    await endOf(compute, handle);
    const s3 = s3Client(layer.url);
    const Key = `orrery/outputs/${handle.key}/output/model/outputs.json`;
    await s3.send(new DeleteObjectCommand({ Bucket: BUCKET, Key }));
    s3.destroy();
    const reading = await compute.read(handle);
    expect(reading.phase).toBe('failed');
    expect(reading.reason).toMatch(/^JOB_OUTPUT_MISSING: there is no manifest at s3:/);
  });

  it('with a manifest that lies about a digest have failed with ARTIFACT_CORRUPT', async () => {
    const compute = await openWith();
    const { handle } = await compute.start(intentOf({}));
    await endOf(compute, handle);
    const prefix = `orrery/outputs/${handle.key}/output/model`;
    const uri = await putText(layer.url, `${prefix}/model.onnx`, 'something else');
    const sha256 = sha256Hex(Buffer.from(freshName('lie')));
    const lie = { outputs: { 'model.onnx': { uri, sha256, bytes: 14 } } };
    await putText(layer.url, `${prefix}/outputs.json`, JSON.stringify(lie));
    // Again and again: what was looked at leaves nothing under the digest that it belies.
    for (let reading = 0; reading < 2; reading += 1) {
      expect(await compute.read(handle)).toMatchObject({
        phase: 'failed',
        reason: expect.stringMatching(/^ARTIFACT_CORRUPT/),
      });
    }
  });

  it('that prepare or score are processing jobs, with the same life', async () => {
    const compute = await openWith();
    const done = intentOf({ trainingSeconds: 30 }, { kind: 'score' });
    const { handle } = await compute.start(done);
    expect(handle.remoteId).toContain(':processing-job/');
    expect(await endOf(compute, handle)).toMatchObject({
      phase: 'succeeded',
      billableSeconds: 32,
      outputs: { 'model.onnx': { bytes: expect.any(Number) } },
    });
    expect(await compute.start(done)).toEqual({ handle, outcome: 'adopted' });
    const failed = await compute.start(intentOf({ exitCode: 64 }, { kind: 'prepare' }));
    expect(await endOf(compute, failed.handle)).toMatchObject({
      phase: 'failed',
      exit: { code: 64 },
    });
    const long = await compute.start(intentOf({ trainingSeconds: 1e6 }, { kind: 'prepare' }));
    // A caller that never heard of the ARN stops it by its key alone.
    const { key } = long.handle;
    expect((await compute.stop({ key, remoteId: key })).phase).toBe('cancelled');
  });

  it('that prepare with checkpoints are training jobs', async () => {
    const compute = await openWith();
    const intent = intentOf({}, { kind: 'prepare', checkpointScope: 'c2' });
    expect((await compute.start(intent)).handle.remoteId).toContain(':training-job/');
  });

  it('say with an order for a checkpoint that SageMaker cannot', async () => {
    const compute = await openWith();
    const { handle } = await compute.start(intentOf({ trainingSeconds: 1e6 }));
    await expect(compute.requestCheckpoint(handle)).rejects.toMatchObject({
      code: 'OPERATION_UNSUPPORTED',
    });
    await compute.stop(handle);
  });
});
