import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { backend } from '../../../backends/airflow/index.ts';
import { findRun, listTasks, patchRun, placeOf } from '../../../backends/airflow/runs.ts';
import { freshName } from '../../support/contract/harness.ts';
import { startFaultProxy } from '../../support/fault-proxy.ts';
import { scriptedFaults } from '../../support/fault-script.ts';
import { until } from '../../support/until.ts';
import { flowOf, shellTask } from './flows.ts';
import { settingsFor } from './login.ts';
import { openAirflow, type OpenedAirflow } from './opened.ts';
import { defined, readToEnd, readUntil, runOf, whenAtWork, witness } from './runs.ts';

describe('Cancelling a run of Airflow', () => {
  let opened: OpenedAirflow;
  beforeAll(async () => {
    opened = await openAirflow();
  });
  afterAll(() => opened.open.close());

  it('frees the slot of its pool for the next run', async () => {
    const pool = freshName('pool');
    const pools = opened.port('pools');
    const pipeline = opened.port('pipeline');
    expect(await pools.set(pool, 1)).toEqual({ name: pool, slots: 1, usedSlots: 0 });
    const name = await defined(
      opened,
      'pooled',
      flowOf([shellTask('hold', 'sleep 600', { pool })]),
    );
    const first = await pipeline.start(runOf(name));
    await whenAtWork(pipeline, first.handle.remoteId);
    expect(await pools.list()).toContainEqual({ name: pool, slots: 1, usedSlots: 1 });
    const second = await pipeline.start(runOf(name));
    await readUntil(
      pipeline,
      second.handle.remoteId,
      'has begun',
      ({ phase }) => phase === 'running',
    );
    // The second waits for the slot as long as the first holds it.
    expect((await pipeline.read(second.handle)).tasks).toMatchObject([{ phase: 'pending' }]);
    expect((await pipeline.stop(first.handle)).phase).toBe('cancelled');
    await whenAtWork(pipeline, second.handle.remoteId);
    await expect(pools.remove(pool)).rejects.toMatchObject({ code: 'ORDER_REFUSED' });
    expect((await pipeline.stop(second.handle)).phase).toBe('cancelled');
    await pools.remove(pool);
    await pools.remove(pool);
    expect((await pools.list()).map((one) => one.name)).not.toContain(pool);
    await opened.port('definitions').remove(name);
  });

  it('tells cancelled only of what we ended: a stranger who fails a run has failed it', async () => {
    const pipeline = opened.port('pipeline');
    const { handle } = await pipeline.start(runOf('contract-runs-long'));
    await whenAtWork(pipeline, handle.remoteId);
    const place = placeOf(handle.remoteId);
    await witness(opened.settings, (client) => patchRun(client, place, { state: 'failed' }));
    expect((await readToEnd(pipeline, handle.remoteId)).phase).toBe('failed');
  });

  it('tells succeeded of a run that succeeds while it is being cancelled, and Airflow does too', async () => {
    const pass = opened.port('pipeline');
    const name = await defined(opened, 'quick', flowOf([shellTask('only', 'sleep 1')]));
    const { handle } = await pass.start(runOf(name));
    await whenAtWork(pass, handle.remoteId);
    const proxy = await startFaultProxy({
      upstream: opened.airflow.url,
      decide: scriptedFaults([{ on: /^PATCH /, fault: { kind: 'delay', ms: 6000 } }]),
    });
    const slow = await backend.open(settingsFor(opened.airflow, { endpoint: proxy.url }));
    try {
      const stopped = await slow.ports.pipeline!.stop(handle);
      expect(stopped).toMatchObject({ phase: 'succeeded', tasks: [{ phase: 'succeeded' }] });
      expect(proxy.outcomes.filter(({ call }) => call.method === 'PATCH').length).toBeGreaterThan(
        0,
      );
      const run = await witness(opened.settings, (client) =>
        findRun(client, placeOf(handle.remoteId)),
      );
      expect(run?.state).toBe('success');
      expect((await pass.read(handle)).phase).toBe('succeeded');
    } finally {
      await slow.close();
      await proxy.close();
      await opened.port('definitions').remove(name);
    }
  });

  it('ends the program of the task, with what it started', async () => {
    const pipeline = opened.port('pipeline');
    const pidFile = `${opened.airflow.home}/${freshName('pid')}`;
    const script = `sleep 600 & echo $! > ${pidFile}; wait`;
    const name = await defined(opened, 'program', flowOf([shellTask('only', script)]));
    const { handle } = await pipeline.start(runOf(name));
    const pid = await until('the program tells its child', () => pidIn(pidFile));
    expect((await pipeline.stop(handle)).phase).toBe('cancelled');
    await until('the child is gone', async () => (lives(pid) ? null : true), 60_000);
    await opened.port('definitions').remove(name);
  });

  it('stops a run over its time limit, which then has failed', async () => {
    const pipeline = opened.port('pipeline');
    const intent = runOf('contract-runs-long');
    const { handle } = await pipeline.start({
      ...intent,
      spec: { ...intent.spec, timeoutSeconds: 2 },
    });
    const end = await readToEnd(pipeline, handle.remoteId);
    expect(end.phase).toBe('failed');
    expect(end.reason).toMatch(/time limit/);
  });

  it('leaves no task of a cancelled run live in the account of Airflow', async () => {
    const pipeline = opened.port('pipeline');
    const { handle } = await pipeline.start(runOf('contract-runs-long'));
    await whenAtWork(pipeline, handle.remoteId);
    await pipeline.stop(handle);
    const place = placeOf(handle.remoteId);
    const tasks = await witness(opened.settings, (client) => listTasks(client, place));
    expect(tasks.map(({ state }) => state).sort()).toEqual(['failed', 'skipped']);
  });
});

async function pidIn(file: string): Promise<number | null> {
  const { readFile } = await import('node:fs/promises');
  const text = await readFile(file, 'utf8').catch(() => '');
  return /^\d+\n$/.test(text) ? Number(text) : null;
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
