import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { contractIntent, freshName, tuningIntent } from '../../support/contract/harness.ts';
import { COURSES, openVertex } from './opened.ts';
import type { Opened } from './opened.ts';

const JOB = { command: ['train'], version: 'runs-long', outputs: [] };

describe('inventory of vertex', () => {
  let opened: Opened;
  beforeAll(async () => {
    opened = await openVertex({ courses: { ...COURSES, short: { ends: 'succeeds' } } });
  });
  afterAll(() => opened.close());

  it('tells a wrapped job once, with its cost by the price book', async () => {
    const { compute, inventory } = opened.ports;
    const intent = contractIntent(JOB, freshName('priced'));
    const { handle } = await compute.start(intent);
    await compute.stop(handle);
    const found = (await inventory.list()).filter(({ key }) => key === intent.key);
    expect(found).toHaveLength(1);
    const [work] = found;
    expect(work).toMatchObject({ port: 'compute', phase: 'cancelled', ...handle });
    expect(work?.labels).toEqual(intent.spec.labels);
    expect(work?.costUsd).toBeCloseTo((0.15 * (work?.billableSeconds ?? 0)) / 3600, 12);
  });

  it('tells a job by itself when its run is gone and it still holds a machine', async () => {
    const { compute, inventory } = opened.ports;
    const intent = contractIntent(JOB, freshName('stray'));
    const { handle } = await compute.start(intent);
    const [inner] = opened.double.world.customJobs.ofKey(intent.key);
    opened.double.world.pipelineJobs.delete(handle.remoteId);
    const found = (await inventory.list()).filter(({ key }) => key === intent.key);
    expect(found).toMatchObject([{ port: 'compute', remoteId: inner!.name }]);
    const stray = { key: intent.key, remoteId: found[0]!.remoteId };
    expect((await compute.stop(stray)).phase).toBe('cancelled');
    expect(inner!.life.isLive(Date.now())).toBe(false);
  });

  it('tells a search with the handle that stops it', async () => {
    const { tuning, inventory } = opened.ports;
    const intent = tuningIntent(JOB, freshName('search'));
    const { handle } = await tuning.start(intent);
    const found = (await inventory.list()).find(({ key }) => key === intent.key);
    expect(found).toMatchObject({ port: 'tuning', ...handle });
    await tuning.stop({ key: found!.key, remoteId: found!.remoteId });
  });

  it('leaves out what carries no label of ours', async () => {
    const world = opened.double.world;
    const before = (await opened.ports.inventory.list()).length;
    const intent = contractIntent({ ...JOB, version: 'short' }, freshName('foreign'));
    const { handle } = await opened.ports.compute.start(intent);
    const run = world.pipelineJobs.get(handle.remoteId);
    const jobs = [...world.customJobs.ofKey(intent.key)];
    world.pipelineJobs.delete(run.name);
    for (const job of jobs) world.customJobs.delete(job.name);
    world.pipelineJobs.add({ ...run, labels: {}, message: { ...run.message, labels: {} } });
    expect(await opened.ports.inventory.list()).toHaveLength(before);
  });
});
