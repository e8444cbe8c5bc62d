import { describe, expect, it, jest } from '@jest/globals';

import { KfpDefinitions } from '../../../backends/kubeflow/definitions.ts';
import { listKfpRuns } from '../../../backends/kubeflow/kfp/inventory.ts';
import { KfpPipeline } from '../../../backends/kubeflow/pipeline.ts';
import type { OrreryError } from '../../../core/errors.ts';
import { expectCode } from '../../support/contract/harness.ts';
import { scriptedFaults } from '../../support/fault-script.ts';
import { until } from '../../support/until.ts';
import { CREATE, intentOf, startPatiently, useFaultyKfp } from './faulty.ts';
import { samplePipeline } from './sample.ts';

jest.setTimeout(60_000);
const kfp = useFaultyKfp();

describe('start of a run', () => {
  it('adopts the run whose reply was cut off', async () => {
    const intent = intentOf('runs-long');
    kfp.faultOnce(CREATE, { kind: 'reset-after' });
    const pipeline = await kfp.worker();
    await expectCode(pipeline.start(intent), 'BACKEND_UNAVAILABLE');
    expect((await (await kfp.worker()).start(intent)).outcome).toBe('adopted');
    expect(kfp.made(intent.key)).toBe(1);
  });

  it.each([
    ['the call never arrived', { kind: 'reset-before' }],
    ['a gateway answered with HTML', { kind: 'html' }],
    ['the far side answered 500', { kind: 'status', status: 500, body: '{"code":13}' }],
  ] as const)('creates the run once it is sure that %s', async (_, fault) => {
    const intent = intentOf('runs-long');
    kfp.faultOnce(CREATE, fault);
    await expectCode((await kfp.worker()).start(intent), 'BACKEND_UNAVAILABLE');
    expect(kfp.made(intent.key)).toBe(0);
    const { outcome } = await startPatiently(await kfp.worker({ settleSeconds: 0.4 }), intent);
    expect(outcome).toBe('created');
    expect(kfp.made(intent.key)).toBe(1);
  });

  it('is not held up by a create that was throttled: nothing can arrive later', async () => {
    const intent = intentOf('runs-long');
    kfp.faultOnce(CREATE, {
      kind: 'status',
      status: 429,
      body: '{"code":8,"message":"slow down"}',
    });
    const pipeline = await kfp.worker({ settleSeconds: 600 });
    await expectCode(pipeline.start(intent), 'BACKEND_UNAVAILABLE');
    expect((await pipeline.start(intent)).outcome).toBe('created');
  });

  it('tells a reply that is no JSON, and adopts what it created', async () => {
    const intent = intentOf('runs-long');
    kfp.faultOnce(CREATE, { kind: 'garbled' });
    await expectCode((await kfp.worker()).start(intent), 'REPLY_MALFORMED');
    expect((await (await kfp.worker()).start(intent)).outcome).toBe('adopted');
    expect(kfp.made(intent.key)).toBe(1);
  });

  it('adopts a run that succeeded slowly, after the limit of its call', async () => {
    const intent = intentOf('runs-long');
    kfp.strikeOnce('create:after-workflow', 1200, intent.key);
    await expectCode(
      (await kfp.worker({ requestSecondsMax: 0.3 })).start(intent),
      'BACKEND_UNAVAILABLE',
    );
    const { outcome } = await startPatiently(await kfp.worker(), intent);
    expect(outcome).toBe('adopted');
    expect(kfp.made(intent.key)).toBe(1);
  });

  it('waits for the create of a worker that was killed while the far side worked on it', async () => {
    const intent = intentOf('runs-long');
    kfp.strikeOnce('create:before-workflow', 800, intent.key);
    kfp.proxy.decide(scriptedFaults([{ on: CREATE, fault: { kind: 'hold-after' } }]));
    const killed = await kfp.open();
    const lost = new KfpPipeline(killed).start(intent).catch((error: OrreryError) => error.code);
    await until('the create was sent', async () =>
      kfp.proxy.outcomes.some(
        ({ call }) => call.body.includes(intent.key) && CREATE.test(`${call.method} ${call.path}`),
      )
        ? true
        : null,
    );
    await killed.close();
    expect(await lost).toBe('BACKEND_UNAVAILABLE');
    expect((await startPatiently(await kfp.worker(), intent)).outcome).toBe('adopted');
    expect(kfp.made(intent.key)).toBe(1);
  });

  it('adopts the run whose row the API server lost, by its id', async () => {
    const intent = intentOf('runs-long');
    kfp.strikeOnce('create:after-workflow', 'crash', intent.key);
    await expectCode((await kfp.worker()).start(intent), 'BACKEND_UNAVAILABLE');
    const { outcome, handle } = await startPatiently(await kfp.worker(), intent);
    expect(outcome).toBe('adopted');
    expect(kfp.made(intent.key)).toBe(1);
    // The persistence agent names it after its workflow.
    expect(kfp.server.world.run(handle.remoteId).name).not.toBe(intent.key);
    const listed = await listKfpRuns(await kfp.open());
    expect(listed.map(({ remoteId }) => remoteId)).toContain(handle.remoteId);
    expect((await (await kfp.worker()).stop(handle)).phase).toBe('cancelled');
  });

  it('leaves no mark behind', async () => {
    const names = [...kfp.server.world.experiments.values()].map(({ name }) => name);
    expect(names.filter((name) => /orrery-(start|anchor)/.test(name))).toEqual([]);
  });

  it('makes one recurring run for a pipeline, however many workers need it first', async () => {
    await new KfpDefinitions(await kfp.open()).put({
      name: 'shared',
      content: { kind: 'source', text: samplePipeline('shared') },
    });
    const before = kfp.server.world.recurringRuns.size;
    const workers = await Promise.all(Array.from({ length: 6 }, () => kfp.worker()));
    await Promise.all(
      workers.map((pipeline) => {
        const intent = intentOf('succeeds', { pipeline: 'shared' });
        return startPatiently(pipeline, intent);
      }),
    );
    expect(kfp.server.world.recurringRuns.size).toBe(before + 1);
    expect([...kfp.server.world.recurringRuns.values()].at(-1)).toMatchObject({ enabled: false });
  });

  it('makes another recurring run when it was deleted', async () => {
    const pipeline = await kfp.worker();
    const first = intentOf('succeeds');
    await pipeline.start(first);
    for (const { id, name } of kfp.server.world.recurringRuns.values()) {
      if (name.startsWith('orrery-anchor')) kfp.server.world.recurringRuns.delete(id);
    }
    const second = intentOf('succeeds');
    await expectCode(pipeline.start(second), 'BACKEND_UNAVAILABLE');
    expect((await pipeline.start(second)).outcome).toBe('created');
    // What ran under the old one is found by its name.
    expect((await pipeline.start(first)).outcome).toBe('adopted');
  });
});
