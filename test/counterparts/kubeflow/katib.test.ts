/** Searches on the real cluster; what Katib itself would do is played: see katib/controller.ts. */
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';

import { experimentName, experimentsPath } from '../../../backends/kubeflow/katib/objects.ts';
import { trainJobsPath } from '../../../backends/kubeflow/trainer/train-job.ts';
import type { Tuning } from '../../../core/ports/tuning.ts';
import { expectCode, freshName, portOf, tuningIntent } from '../../support/contract/harness.ts';
import { until } from '../../support/until.ts';
import { openKatibHarness, type KatibPlace } from './katib-way.ts';
import { FAILS, RUNS_LONG } from './trainer-way.ts';

jest.setTimeout(180_000);
const LIMIT_MS = 120_000;

describe('A search by Katib', () => {
  let place: KatibPlace;
  let tuning: Tuning;
  beforeAll(async () => {
    place = await openKatibHarness();
    tuning = portOf(place, 'tuning');
  });
  afterAll(() => place.close());

  const path = (key: string) =>
    `${experimentsPath(place.workplace.namespace)}/${experimentName(key)}`;
  const running = async () => {
    const intent = tuningIntent(RUNS_LONG, freshName('k'));
    const { handle } = await tuning.start(intent);
    await until(
      'trials run',
      async () => {
        const { trials } = await tuning.read(handle);
        return trials.some(({ phase }) => phase === 'running') ? true : null;
      },
      LIMIT_MS,
    );
    return { intent, handle };
  };

  it('has failed once more trials than its limit have', async () => {
    const { handle } = await tuning.start(tuningIntent(FAILS, freshName('bad')));
    const reading = await until(
      'the search is over',
      async () => {
        const read = await tuning.read(handle);
        return read.phase === 'failed' ? read : null;
      },
      LIMIT_MS,
    );
    expect(reading.best).toBeNull();
    expect(reading.reason).toContain('max failed count');
  });

  it('is lost when somebody deletes it, once nothing of it is left', async () => {
    const { intent, handle } = await running();
    await place.workplace.admin.remove(path(intent.key), { propagation: 'Background' });
    const reading = await until(
      'the search is over',
      async () => {
        const read = await tuning.read(handle);
        return read.phase === 'running' ? null : read;
      },
      LIMIT_MS,
    );
    expect(reading.phase).toBe('lost');
    const { items } = await place.workplace.admin.list(trainJobsPath(place.workplace.namespace), {
      labelSelector: `orrery-search=${experimentName(intent.key)}`,
    });
    expect(items).toEqual([]);
  });

  it('is failed when it runs over its limit, and its trials are gone', async () => {
    const intent = tuningIntent(RUNS_LONG, freshName('late'));
    const { handle } = await tuning.start({
      ...intent,
      spec: { ...intent.spec, timeoutSeconds: 3 },
    });
    const reading = await until(
      'the search is over',
      async () => {
        const read = await tuning.read(handle);
        return ['pending', 'running'].includes(read.phase) ? null : read;
      },
      LIMIT_MS,
    );
    expect(reading).toMatchObject({ phase: 'failed' });
    expect(reading.reason).toContain('over its time limit');
  });

  it('is not started under a name that a stranger has', async () => {
    const intent = tuningIntent(RUNS_LONG, freshName('mine'));
    await place.workplace.admin.create(experimentsPath(place.workplace.namespace), {
      apiVersion: 'kubeflow.org/v1beta1',
      kind: 'Experiment',
      metadata: { name: experimentName(intent.key), namespace: place.workplace.namespace },
      spec: {},
      status: { conditions: [] },
    });
    await expectCode(tuning.start(intent), 'NAME_TAKEN');
    // The stranger's is none that Katib accepts either.
    place.katib.refused.length = 0;
    await place.workplace.admin.remove(path(intent.key));
    await until('the played Katib has seen the last of it', async () =>
      (await place.workplace.admin.get(path(intent.key))) === null ? true : null,
    );
    place.katib.refused.length = 0;
  });

  it('is in the inventory while it runs', async () => {
    const { intent, handle } = await running();
    const listed = await portOf(place, 'inventory').list();
    expect(listed).toContainEqual(
      expect.objectContaining({
        port: 'tuning',
        key: intent.key,
        remoteId: handle.remoteId,
        phase: 'running',
        labels: intent.spec.labels,
      }),
    );
    expect((await tuning.stop(handle)).phase).toBe('cancelled');
  });
});
