import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { trainJobPath } from '../../../backends/kubeflow/trainer/train-job.ts';
import type { Pod } from '../../../backends/connections/kubernetes/objects.ts';
import type { OpenBackend } from '../../../core/backend.ts';
import type { Compute, JobHandle, JobReading } from '../../../core/ports/compute.ts';
import { contractIntent, expectCode, freshName } from '../../support/contract/harness.ts';
import type { ContractJob } from '../../support/contract/harness.ts';
import { until } from '../../support/until.ts';
import { followJob, openKubeflow, played, RUNS_LONG, SUCCEEDS, WAIT_MS } from './trainer-way.ts';
import { openWorkplace } from './workplace.ts';
import type { Workplace } from './workplace.ts';

/** What was promised for a far side that can tell. */
const NOTICED_SECONDS_MAX = 10;

let workplace: Workplace;
let backend: OpenBackend;
let compute: Compute;

beforeAll(async () => {
  workplace = await openWorkplace();
  backend = await openKubeflow(workplace.kubeconfig, workplace.namespace);
  compute = backend.ports.compute!;
});
afterAll(async () => {
  await backend.close();
  await workplace.close();
});

async function start(job: ContractJob, changes: { timeoutSeconds?: number } = {}) {
  const intent = contractIntent(job, freshName('life'));
  const started = await compute.start({ ...intent, spec: { ...intent.spec, ...changes } });
  expect(started.outcome).toBe('created');
  return started.handle;
}

const follow = (handle: JobHandle, fits: (reading: JobReading) => boolean, through = compute) =>
  followJob(through, handle, fits);
const running = (reading: JobReading) => reading.phase === 'running';
const ended = ({ phase }: JobReading) => phase !== 'pending' && phase !== 'running';

const path = ({ key }: JobHandle) => trainJobPath(workplace.namespace, key);
const podsOf = async ({ key }: JobHandle) => {
  const labelSelector = `jobset.sigs.k8s.io/jobset-name=${key}`;
  const pods = `/api/v1/namespaces/${workplace.namespace}/pods`;
  return (await workplace.admin.list<Pod>(pods, { labelSelector })).items;
};
const suspend = (handle: JobHandle, suspended: boolean) =>
  workplace.admin.patch(path(handle), 'merge', { spec: { suspend: suspended } });

/** Evicts every pod as a drain does: the API server marks and deletes them. */
async function evict(handle: JobHandle): Promise<void> {
  for (const { metadata } of await podsOf(handle)) {
    const eviction = `/api/v1/namespaces/${workplace.namespace}/pods/${metadata.name}/eviction`;
    await workplace.admin.create(eviction, {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name: metadata.name, namespace: workplace.namespace },
    });
  }
}

describe('A preempted job', () => {
  test('that a drain evicts is noticed at once and has failed as preempted', async () => {
    const handle = await start(RUNS_LONG);
    const { revision } = await follow(handle, running);
    const waiting = compute.read(handle, { since: revision, waitMs: WAIT_MS });
    const evictedAt = performance.now();
    await evict(handle);
    const noticed = await waiting;
    const noticedSeconds = (performance.now() - evictedAt) / 1000;
    const reading = await follow(handle, ended);
    const endedSeconds = (performance.now() - evictedAt) / 1000;
    process.stdout.write(
      `eviction noticed after ${noticedSeconds.toFixed(2)} s (${noticed.phase}), ended after ${endedSeconds.toFixed(2)} s: ${reading.reason}\n`,
    );
    expect(reading.phase).toBe('failed');
    expect(reading.reason).toMatch(
      /^preempted \(.*DisruptionTarget|^preempted \(EvictionByEvictionAPI/,
    );
    expect(noticedSeconds).toBeLessThan(NOTICED_SECONDS_MAX);
  });

  test('that is warned reads as running with the notice, then as failed with exit code 143', async () => {
    const handle = await start(played('preempt', '1s', '2s'));
    const warned = await follow(handle, ({ reason }) => reason.includes('preempted'));
    expect(warned).toMatchObject({ phase: 'running' });
    expect(warned.reason).toContain('the node is being reclaimed');
    const reading = await follow(handle, ended);
    expect(reading).toMatchObject({ phase: 'failed', exit: { code: 143, signal: null } });
    expect(reading.reason).toMatch(/^preempted \(TerminationByKubelet/);
  });
});

describe('A job that somebody else', () => {
  test('suspends is pending, and runs on when resumed', async () => {
    const handle = await start(RUNS_LONG);
    await follow(handle, running);
    await suspend(handle, true);
    const paused = await until('the pods are gone', async () => {
      const reading = await compute.read(handle);
      return reading.phase === 'pending' ? reading : null;
    });
    expect(paused.reason).toMatch(/suspended by somebody else/);
    await suspend(handle, false);
    await follow(handle, running);
    expect((await compute.stop(handle)).phase).toBe('cancelled');
  });

  test('deletes is lost once its pods are gone, also for a watcher that waits', async () => {
    const handle = await start(RUNS_LONG);
    await follow(handle, running);
    await workplace.admin.remove(path(handle));
    const reading = await follow(handle, ended);
    expect(reading.phase).toBe('lost');
    expect(await podsOf(handle)).toEqual([]);
    expect((await compute.stop(handle)).phase).toBe('lost');
  });

  test('deletes and makes anew under the same name is not ours to read', async () => {
    const handle = await start(RUNS_LONG);
    const [namespace, name] = handle.remoteId.split('/');
    const other = { ...handle, remoteId: `${namespace}/${name}/another-uid` };
    expect((await compute.read(other)).phase).toBe('lost');
    await compute.stop(handle);
  });

  test('resumes after it was stopped contradicts itself, is in the inventory, and can be stopped again', async () => {
    const handle = await start(RUNS_LONG);
    await follow(handle, running);
    const stopped = await compute.stop(handle);
    await suspend(handle, false);
    await until('it runs again', async () => {
      const work = await backend.ports.inventory!.list();
      return work.find(({ key }) => key === handle.key)?.phase === 'running' ? true : null;
    });
    const wait = { since: stopped.revision, waitMs: WAIT_MS };
    await expectCode(compute.read(handle, wait), 'STATE_CONTRADICTED');
    expect((await compute.stop(handle)).phase).toBe('cancelled');
    expect((await podsOf(handle)).filter(({ status }) => status?.phase === 'Running')).toEqual([]);
  });
});

describe('stop', () => {
  test('says cancelled only when the pods have used their grace and are gone', async () => {
    const handle = await start(played('run', '3s'));
    await follow(handle, running);
    const askedAt = performance.now();
    const reading = await compute.stop(handle);
    const pods = await podsOf(handle);
    process.stdout.write(
      `cancelled after ${((performance.now() - askedAt) / 1000).toFixed(2)} s, with ${reading.billableSeconds} s billed\n`,
    );
    expect(reading.phase).toBe('cancelled');
    expect(pods.filter(({ status }) => status?.phase === 'Running')).toEqual([]);
    expect(reading.billableSeconds).toBeGreaterThanOrEqual(3);
  });

  test('of a job that completes meanwhile says succeeded', async () => {
    const handle = await start(SUCCEEDS);
    await until('its pod has ended', async () => {
      const [pod] = await podsOf(handle);
      return pod?.status?.phase === 'Succeeded' ? true : null;
    });
    expect((await compute.stop(handle)).phase).toBe('succeeded');
  });

  test('before any pod was made reads cancelled, with nothing billed', async () => {
    const handle = await start(RUNS_LONG);
    const reading = await compute.stop(handle);
    expect(reading.phase).toBe('cancelled');
    expect(reading.billableSeconds).toBeLessThanOrEqual(10);
  });
});

describe('A job', () => {
  test('on three nodes bills the seconds of all of them', async () => {
    const wide = await openKubeflow(workplace.kubeconfig, workplace.namespace, { nodes: 3 });
    const { handle } = await wide.ports.compute!.start(
      contractIntent(played('exit', '0', '4s', SUCCEEDS.command.at(-1)!), freshName('wide')),
    );
    const reading = await follow(handle, ended, wide.ports.compute!);
    expect(reading.phase).toBe('succeeded');
    expect(await podsOf(handle)).toHaveLength(3);
    expect(reading.billableSeconds).toBeGreaterThanOrEqual(3 * 4);
    expect(reading.billableSeconds).toBeLessThan(3 * 10);
    await wide.close();
  });

  test('over its time limit has failed for that', async () => {
    const handle = await start(RUNS_LONG, { timeoutSeconds: 3 });
    const reading = await follow(handle, ended);
    expect(reading.phase).toBe('failed');
    expect(reading.reason).toContain('DeadlineExceeded');
    expect((await podsOf(handle)).filter(({ status }) => status?.phase === 'Running')).toEqual([]);
  });

  test('that tells no outputs has failed, though it ended with 0', async () => {
    const handle = await start(played('exit', '0', '300ms'));
    const reading = await follow(handle, ended);
    expect(reading).toMatchObject({ phase: 'failed', exit: { code: 0, signal: null } });
    expect(reading.reason).toContain('model.onnx');
  });

  test('keeps its end when its pods are gone', async () => {
    const handle = await start(SUCCEEDS);
    const reading = await follow(handle, ended);
    const [pod] = await podsOf(handle);
    await workplace.admin.remove(
      `/api/v1/namespaces/${workplace.namespace}/pods/${pod!.metadata.name}`,
    );
    await until('the pod is gone', async () => ((await podsOf(handle)).length === 0 ? true : null));
    expect(await compute.read(handle)).toEqual(reading);
  });

  test('tells the progress that its trainer pushes to Trainer’s status', async () => {
    const handle = await start(RUNS_LONG);
    const { revision } = await follow(handle, running);
    // What Trainer's status server writes for the program, behind its alpha feature gate.
    await workplace.admin.patch(`${path(handle)}/status`, 'merge', {
      status: {
        trainerStatus: {
          progressPercentage: 40,
          estimatedRemainingSeconds: 90,
          metrics: [{ name: 'loss', value: '0.25' }],
          lastUpdatedTime: new Date(Date.now() + 1000).toISOString().replace(/\.\d+/, ''),
        },
      },
    });
    const reading = await compute.read(handle, { since: revision, waitMs: WAIT_MS });
    expect(reading.revision).toBeGreaterThan(revision);
    expect(reading.progress).toEqual({
      step: 40,
      steps: 100,
      message: '90 s left',
      metrics: { loss: 0.25 },
    });
    await compute.stop(handle);
  });
});
