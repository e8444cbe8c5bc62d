import { describe, expect, it, jest } from '@jest/globals';

import { KfpDefinitions } from '../../../backends/kubeflow/definitions.ts';
import { expectCode } from '../../support/contract/harness.ts';
import { scriptedFaults } from '../../support/fault-script.ts';
import { until } from '../../support/until.ts';
import { intentOf, useFaultyKfp } from './faulty.ts';
import { samplePipeline } from './sample.ts';

jest.setTimeout(60_000);
const kfp = useFaultyKfp();

describe('what becomes of a run', () => {
  it('is lost once somebody deleted it', async () => {
    const pipeline = await kfp.worker();
    const { handle } = await pipeline.start(intentOf('runs-long'));
    kfp.server.world.deleteRun(handle.remoteId);
    expect((await pipeline.read(handle)).phase).toBe('lost');
    expect((await pipeline.stop(handle)).phase).toBe('lost');
  });

  it('is STATE_CONTRADICTED when it runs after it had succeeded', async () => {
    const pipeline = await kfp.worker();
    const { handle } = await pipeline.start(intentOf('succeeds'));
    const end = await until('the run succeeds', async () => {
      const reading = await pipeline.read(handle);
      return reading.phase === 'succeeded' ? reading : null;
    });
    kfp.server.world.runs.get(handle.remoteId)!.state = 'RUNNING';
    await expectCode(
      pipeline.read(handle, { since: end.revision, waitMs: 500 }),
      'STATE_CONTRADICTED',
    );
  });

  it('is succeeded when it succeeds while it is being cancelled', async () => {
    const pipeline = await kfp.worker();
    const { handle } = await pipeline.start(intentOf('outruns'));
    expect((await pipeline.stop(handle)).phase).toBe('succeeded');
  });

  it('is cancelled for every worker, though the history never said CANCELING', async () => {
    kfp.server.world.agentSeesStop = false;
    const pipeline = await kfp.worker();
    const { handle } = await pipeline.start(intentOf('runs-long'));
    expect((await pipeline.stop(handle)).phase).toBe('cancelled');
    kfp.server.world.agentSeesStop = true;
    expect((await (await kfp.worker()).read(handle)).phase).toBe('cancelled');
    const row = kfp.server.world.run(handle.remoteId);
    expect([row.state, ...row.history.map(({ state }) => state)]).not.toContain('CANCELING');
  });

  it('is cancelled when somebody ends it in the UI', async () => {
    const pipeline = await kfp.worker();
    const { handle } = await pipeline.start(intentOf('runs-long'));
    await kfp.server.world.terminateRun(handle.remoteId);
    const reading = await until('the run is over', async () => {
      const read = await pipeline.read(handle);
      return read.phase === 'running' ? null : read;
    });
    expect(reading.phase).toBe('cancelled');
  });

  it('is cancelled though the API server died between its row and the workflow', async () => {
    const intent = intentOf('runs-long');
    const pipeline = await kfp.worker();
    const { handle } = await pipeline.start(intent);
    kfp.strikeOnce('terminate:after-row', 'crash', intent.key);
    await expectCode(pipeline.stop(handle), 'BACKEND_UNAVAILABLE');
    expect((await (await kfp.worker()).stop(handle)).phase).toBe('cancelled');
    expect(kfp.server.world.ledger().get(intent.key)).toEqual({ made: 1, live: 0 });
  });

  it('is cancelled though every call of the stop is lost once', async () => {
    const { handle } = await (await kfp.worker()).start(intentOf('runs-long'));
    kfp.proxy.decide(
      scriptedFaults([
        { on: /^POST .*:terminate/, fault: { kind: 'reset-after' } },
        { on: /^POST .*experiments/, fault: { kind: 'reset-after' } },
      ]),
    );
    const reading = await until('the run is stopped', async () =>
      (await kfp.worker()).stop(handle).catch(() => null),
    );
    expect(reading.phase).toBe('cancelled');
  });

  it('is failed when it runs over its limit, and says so', async () => {
    const pipeline = await kfp.worker();
    const { handle } = await pipeline.start(intentOf('runs-long', { timeoutSeconds: 0.2 }));
    const reading = await until('the run is over', async () => {
      const read = await pipeline.read(handle);
      return ['pending', 'running'].includes(read.phase) ? null : read;
    });
    expect(reading.phase).toBe('failed');
    expect(reading.reason).toContain('over its time limit');
  });

  it('has what its tasks wrote, with the types that the pipeline gives them', async () => {
    const pipeline = await kfp.worker();
    const { handle } = await pipeline.start(intentOf('succeeds'));
    const reading = await until('the run succeeds', async () => {
      const read = await pipeline.read(handle);
      return read.phase === 'succeeded' ? read : null;
    });
    expect(reading.lineage).toEqual([
      expect.objectContaining({ task: 'prepare', direction: 'output', type: 'system.Dataset' }),
      expect.objectContaining({ task: 'train', name: 'model', type: 'system.Model' }),
    ]);
    expect(reading.lineage[0]?.uri).toMatch(/^http.*#\/artifacts\/\d+$/);
  });
});

describe('a schedule in a definition', () => {
  const source = (schedule: object) =>
    `${samplePipeline('nightly')}\n---\n${JSON.stringify({ recurringRun: schedule })}`;
  const schedules = () =>
    [...kfp.server.world.recurringRuns.values()].filter(({ name }) =>
      name.startsWith('orrery-schedule'),
    );

  it('is an enabled recurring run, replaced when it changes and removed with the pipeline', async () => {
    const definitions = new KfpDefinitions(await kfp.open());
    const put = (schedule: object) =>
      definitions.put({ name: 'nightly', content: { kind: 'source', text: source(schedule) } });
    await put({ cron: '0 0 3 * * *', params: { course: 'succeeds' } });
    await put({ cron: '0 0 3 * * *', params: { course: 'succeeds' } });
    expect(schedules()).toMatchObject([
      { enabled: true, trigger: { cron_schedule: { cron: '0 0 3 * * *' } } },
    ]);
    await put({ intervalSeconds: 3600, maxConcurrency: 2 });
    expect(schedules()).toMatchObject([
      { maxConcurrency: '2', trigger: { periodic_schedule: { interval_second: '3600' } } },
    ]);
    await definitions.remove('nightly');
    expect(schedules()).toEqual([]);
  });

  it('that is malformed is SPEC_REJECTED before anything is made', async () => {
    const definitions = new KfpDefinitions(await kfp.open());
    const text = source({ maxConcurrency: 11, cron: '* * * * * *' });
    const content = { kind: 'source', text } as const;
    await expectCode(definitions.put({ name: 'nightly', content }), 'SPEC_REJECTED');
  });

  it('of a data flow cannot be had', async () => {
    const flow = {
      description: '',
      schedule: { kind: 'manual' },
      deadlineSeconds: null,
      tasks: [],
    } as const;
    const content = { kind: 'flow', flow } as const;
    const definitions = new KfpDefinitions(await kfp.open());
    await expectCode(definitions.put({ name: 'flow', content }), 'OPERATION_UNSUPPORTED');
  });
});
