import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { backend } from '../../../backends/sagemaker/index.ts';
import type { OpenBackend } from '../../../core/backend.ts';
import { contractIntent, freshName, tuningIntent } from '../../support/contract/harness.ts';
import { until } from '../../support/until.ts';
import { openTestLayer, settingsFor } from './far-side.ts';
import { livingJob } from './works.ts';
import type { Layer } from './layer/server.ts';

const FOREVER = { trainingSeconds: 1e6 };

describe('The inventory of SageMaker', () => {
  let layer: Layer;
  let open: OpenBackend;
  const listed = async (key: string) =>
    (await open.ports.inventory!.list()).filter((work) => work.key === key);
  beforeAll(async () => {
    layer = await openTestLayer();
    open = await backend.open(settingsFor(layer.url));
  });
  afterAll(async () => {
    await open.close();
    await layer.close();
  });

  it('tells what an ended job cost, by its billed seconds and the price book', async () => {
    const compute = open.ports.compute!;
    const intent = contractIntent(livingJob({ trainingSeconds: 98 }), freshName('cost'));
    const { handle } = await compute.start(intent);
    await until('it ends', async () =>
      (await compute.read(handle)).phase === 'succeeded' ? true : null,
    );
    const [work] = await listed(intent.key);
    expect(work).toMatchObject({ phase: 'succeeded', billableSeconds: 100 });
    expect(work!.costUsd).toBeCloseTo((100 / 3600) * 0.13, 10);
  });

  it('tells a search under its whole key, and its trials not beside it', async () => {
    const tuning = open.ports.tuning!;
    const intent = tuningIntent(livingJob(FOREVER), freshName('search'));
    const { handle } = await tuning.start(intent);
    await tuning.read(handle);
    const all = await open.ports.inventory!.list();
    const ours = all.filter(({ labels }) => labels.workflowId === intent.spec.labels.workflowId);
    expect(ours).toEqual([expect.objectContaining({ port: 'tuning', ...handle })]);
    await tuning.stop(handle);
  });

  it('tells live work of any age, and ended work for as long as the settings say', async () => {
    const compute = open.ports.compute!;
    const live = contractIntent(livingJob(FOREVER), freshName('old'));
    const ended = contractIntent(livingJob({}), freshName('old'));
    const { handle } = await compute.start(live);
    await compute.start(ended);
    const forgetful = await backend.open(settingsFor(layer.url, { endedHours: 0 }));
    await until('it has ended', async () =>
      layer.training.momentOf(layer.training.find(ended.key)).endAt === null ? null : true,
    );
    // Nothing has changed since a moment that is still to come.
    const { records } = layer.training;
    for (const record of records.values()) {
      const createdAt = record.createdAt - 86_400_000;
      records.set(record.name, { ...record, createdAt, runtimeSecondsMax: Infinity });
    }
    const keys = (await forgetful.ports.inventory!.list()).map(({ key }) => key);
    expect(keys).toContain(live.key);
    expect(keys).not.toContain(ended.key);
    await forgetful.close();
    await compute.stop(handle);
  });
});
