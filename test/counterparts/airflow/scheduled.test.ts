import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { listRuns } from '../../../backends/airflow/runs.ts';
import type { BackfillSpec } from '../../../core/ports/backfill.ts';
import { backend } from '../../../backends/airflow/index.ts';
import { expectCode, freshName } from '../../support/contract/harness.ts';
import { startFaultProxy } from '../../support/fault-proxy.ts';
import { scriptedFaults } from '../../support/fault-script.ts';
import { until } from '../../support/until.ts';
import { flowOf, shellTask } from './flows.ts';
import { settingsFor } from './login.ts';
import { openAirflow, type OpenedAirflow } from './opened.ts';
import { defined, readToEnd, witness } from './runs.ts';

const END_MS_MAX = 120_000;
const YEARLY = { kind: 'cron', cron: '0 0 1 1 *' } as const;

describe('Data-aware runs of Airflow', () => {
  let opened: OpenedAirflow;
  beforeAll(async () => {
    opened = await openAirflow();
  });
  afterAll(() => opened.open.close());

  const runsOf = (dag: string) =>
    witness(opened.settings, (client) => listRuns(client, {}, 100, dag));

  it('news of an asset, published again and again under one key, start one run', async () => {
    const asset = `s3://news/${freshName('labels')}`;
    const assets = opened.port('assets');
    const schedule = { kind: 'assets', assets: [asset] } as const;
    const name = await defined(opened, 'aware', flowOf([shellTask('only', 'true')], { schedule }));
    const news = { asset, key: freshName('news'), extra: { rows: 12 } };
    const [first, ...again] = await Promise.all([
      assets.publish(news),
      assets.publish(news),
      assets.publish(news),
    ]);
    expect(again).toEqual([first, first]);
    expect(await assets.publish(news)).toEqual(first);
    expect(first).toMatchObject({ asset, key: news.key, extra: { rows: 12 } });
    const [run] = await until(
      'the run of the news ends',
      async () => {
        const runs = await runsOf(name);
        return runs.length > 0 && runs.every(({ state }) => state === 'success') ? runs : null;
      },
      END_MS_MAX,
    );
    await assets.publish(news);
    expect(await assets.events(asset, 10)).toEqual([first]);
    expect(await runsOf(name)).toHaveLength(1);
    const reading = await opened
      .port('pipeline')
      .read({ key: '', remoteId: `${name}/${run!.dag_run_id}` });
    expect(reading.lineage).toContainEqual(
      expect.objectContaining({ direction: 'input', uri: asset }),
    );
    await assets.publish({ ...news, key: freshName('news') });
    await until(
      'other news start another run',
      async () => ((await runsOf(name)).length === 2 ? true : null),
      END_MS_MAX,
    );
    await until(
      'both runs end',
      async () => ((await runsOf(name)).every(({ state }) => state === 'success') ? true : null),
      END_MS_MAX,
    );
    await opened.port('definitions').remove(name);
  });

  it('news whose reply is lost are not published twice by the retry', async () => {
    const asset = `s3://news/${freshName('lost')}`;
    const reads = shellTask('only', 'true', { reads: [asset] });
    const name = await defined(opened, 'reader', flowOf([reads]));
    const proxy = await startFaultProxy({
      upstream: opened.airflow.url,
      decide: scriptedFaults([{ on: /POST .*events/, fault: { kind: 'reset-after' } }]),
    });
    const shaky = await backend.open(settingsFor(opened.airflow, { endpoint: proxy.url }));
    const news = { asset, key: freshName('news'), extra: {} };
    await expectCode(shaky.ports.assets!.publish(news), 'BACKEND_UNAVAILABLE');
    const published = await shaky.ports.assets!.publish(news);
    expect(await shaky.ports.assets!.events(asset, 10)).toEqual([published]);
    await shaky.close();
    await proxy.close();
    await opened.port('definitions').remove(name);
  });

  it('news of an asset that no DAG mentions are NOT_FOUND', async () => {
    const news = { asset: `s3://nobody/${freshName('x')}`, key: 'k', extra: {} };
    await expectCode(opened.port('assets').publish(news), 'NOT_FOUND');
  });

  it('materialize runs the DAG that makes the asset, once for a key', async () => {
    const asset = `s3://made/${freshName('features')}`;
    const makes = shellTask('only', 'true', { writes: [asset] });
    const name = await defined(opened, 'maker', flowOf([makes]));
    const assets = opened.port('assets');
    const key = freshName('make');
    const handle = await assets.materialize(asset, key);
    expect(handle).toEqual({ key, remoteId: `${name}/${key}` });
    expect(await assets.materialize(asset, key)).toEqual(handle);
    expect((await readToEnd(opened.port('pipeline'), handle.remoteId)).phase).toBe('succeeded');
    expect(await runsOf(name)).toHaveLength(1);
    expect(await assets.events(asset, 10)).toMatchObject([{ asset, key: '' }]);
    await opened.port('definitions').remove(name);
  });
});

describe('Backfills of Airflow', () => {
  let opened: OpenedAirflow;
  beforeAll(async () => {
    opened = await openAirflow();
  });
  afterAll(() => opened.open.close());

  const specOf = (pipeline: string, more: Partial<BackfillSpec> = {}): BackfillSpec => ({
    key: freshName('backfill'),
    pipeline,
    from: '2021-01-01T00:00:00.000Z',
    to: '2023-06-01T00:00:00.000Z',
    params: {},
    reprocess: 'none',
    parallelMax: 2,
    ...more,
  });

  it('run exactly the times that their dry run told, once for a key', async () => {
    const flow = flowOf([shellTask('only', 'true')], { schedule: YEARLY });
    const name = await defined(opened, 'yearly', flow);
    const backfill = opened.port('backfill');
    const spec = specOf(name);
    const planned = await backfill.plan(spec);
    expect(planned).toEqual(['2021', '2022', '2023'].map((year) => `${year}-01-01T00:00:00.000Z`));
    expect(await backfill.read(name, spec.key)).toBeNull();
    const started = await backfill.start(spec);
    expect((await backfill.start(spec)).remoteId).toBe(started.remoteId);
    await expectCode(backfill.start({ ...spec, parallelMax: 3 }), 'NAME_TAKEN');
    const done = await until(
      'the backfill ends',
      async () => {
        const reading = await backfill.read(name, spec.key);
        return reading?.phase === 'succeeded' ? reading : null;
      },
      END_MS_MAX,
    );
    expect(done.runs.map(({ at }) => at)).toEqual(planned);
    expect((await backfill.start(spec)).remoteId).toBe(started.remoteId);
    expect(await backfill.stop(name, spec.key)).toMatchObject({ phase: 'succeeded' });
    // What has run is not planned again, unless it is asked for.
    expect(await backfill.plan(spec)).toEqual([]);
    expect(await backfill.plan({ ...spec, reprocess: 'completed' })).toEqual(planned);
    await opened.port('definitions').remove(name);
  });

  it('are cancelled only when no run of theirs is live, and another may begin then', async () => {
    const flow = flowOf([shellTask('only', 'sleep 600')], { schedule: YEARLY });
    const name = await defined(opened, 'slow', flow);
    const backfill = opened.port('backfill');
    const spec = specOf(name);
    await backfill.start(spec);
    await expectCode(backfill.start(specOf(name)), 'NAME_TAKEN');
    await until(
      'two runs are live',
      async () => {
        const reading = await backfill.read(name, spec.key);
        const running = reading?.runs.filter(({ phase }) => phase === 'running').length ?? 0;
        return running === spec.parallelMax ? true : null;
      },
      END_MS_MAX,
    );
    const stopped = await backfill.stop(name, spec.key);
    expect(stopped?.phase).toBe('cancelled');
    expect(stopped?.runs.filter(({ phase }) => ['pending', 'running'].includes(phase))).toEqual([]);
    expect(await backfill.stop(name, spec.key)).toEqual(stopped);
    const next = await backfill.start(specOf(name, { reprocess: 'failed' }));
    expect(next.remoteId).not.toBe(stopped?.remoteId);
    await backfill.stop(name, next.key);
    expect(await backfill.stop(name, 'nobody-has-this')).toBeNull();
    await stopScheduled(opened, name);
    await opened.port('definitions').remove(name);
  });

  it('of a DAG that nobody has are NOT_FOUND, and of one without a schedule SPEC_REJECTED', async () => {
    const backfill = opened.port('backfill');
    await expectCode(backfill.plan(specOf(freshName('none'))), 'NOT_FOUND');
    await expectCode(backfill.start(specOf('contract-passes')), 'SPEC_REJECTED');
  });
});

/** A DAG with a schedule begins with a run of its last time, as Airflow has it. */
async function stopScheduled({ settings, port }: OpenedAirflow, dag: string): Promise<void> {
  const live = { state: ['queued', 'running'] };
  const runs = await witness(settings, (client) => listRuns(client, live, 100, dag));
  for (const { dag_run_id: run } of runs) {
    await port('pipeline').stop({ key: run, remoteId: `${dag}/${run}` });
  }
}
