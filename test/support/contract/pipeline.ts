import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { Pipeline, PipelineHandle, PipelineReading } from '../../../core/ports/pipeline.ts';
import {
  expectCode,
  freshName,
  needed,
  pipelineIntent,
  portOf,
  type Harness,
  type OpenHarness,
} from './harness.ts';

const WAIT_MS = 2000;
/** Changes of one run that are looked at before the test gives up. */
const READINGS_MAX = 200;
const LIVE = ['pending', 'running'];

/** The promises of core/ports/pipeline.ts. */
export function describePipelineContract(name: string, open: OpenHarness): void {
  describe(`pipeline of ${name}`, () => {
    let harness: Harness;
    let pipeline: Pipeline;
    const runs = () => needed(harness.pipeline, 'pipeline');
    beforeAll(async () => {
      harness = await open();
      pipeline = portOf(harness, 'pipeline');
    });
    afterAll(() => harness.close());

    const endOf = async (handle: PipelineHandle): Promise<PipelineReading> => {
      let reading = await pipeline.read(handle);
      for (let count = 0; LIVE.includes(reading.phase); count += 1) {
        if (count > READINGS_MAX) throw new Error(`${handle.key} stays ${reading.phase}`);
        reading = await pipeline.read(handle, { since: reading.revision, waitMs: WAIT_MS });
      }
      return reading;
    };

    it('start creates a run that succeeds, task by task', async () => {
      const intent = pipelineIntent(runs().succeeds, freshName('ok'));
      const { handle, outcome } = await pipeline.start(intent);
      expect(outcome).toBe('created');
      const reading = await endOf(handle);
      expect(reading.phase).toBe('succeeded');
      expect(reading.tasks.length).toBeGreaterThan(0);
      expect(reading.tasks.every(({ phase }) => ['succeeded', 'skipped'].includes(phase))).toBe(
        true,
      );
      expect(reading.runSeconds).toBeGreaterThanOrEqual(0);
      expect(await pipeline.start(intent)).toEqual({ handle, outcome: 'adopted' });
    });

    it('read tells a failure with the task that failed', async () => {
      const intent = pipelineIntent(runs().fails, freshName('bad'));
      const { handle } = await pipeline.start(intent);
      const reading = await endOf(handle);
      expect(reading.phase).toBe('failed');
      expect(reading.tasks.some(({ phase }) => phase === 'failed')).toBe(true);
      expect(reading.reason).not.toBe('');
      expect((await pipeline.start(intent)).outcome).toBe('dead');
    });

    it('start at once from many callers creates one run, and all adopt it', async () => {
      const intent = pipelineIntent(runs().runsLong, freshName('many'));
      const starts = await Promise.all(Array.from({ length: 5 }, () => pipeline.start(intent)));
      expect(new Set(starts.map((start) => start.handle.remoteId)).size).toBe(1);
      expect((await pipeline.start(intent)).outcome).toBe('adopted');
      await pipeline.stop(starts[0]!.handle);
    });

    it('start under a key that holds another spec is NAME_TAKEN', async () => {
      const intent = pipelineIntent(runs().runsLong, freshName('taken'));
      const other = pipelineIntent(runs().runsLong, freshName('taken'));
      const { handle } = await pipeline.start(intent);
      await expectCode(pipeline.start({ ...other, key: intent.key }), 'NAME_TAKEN');
      await pipeline.stop(handle);
    });

    it('start of a pipeline that the far side does not have is NOT_FOUND', async () => {
      const unknown = { pipeline: freshName('no-such').toLowerCase(), params: {} };
      await expectCode(pipeline.start(pipelineIntent(unknown, freshName('none'))), 'NOT_FOUND');
    });

    it('read of a run that nobody knows is lost', async () => {
      const { key } = pipelineIntent(runs().succeeds, freshName('x'));
      const handle = { key, remoteId: runs().unknownRemoteId(key) };
      expect((await pipeline.read(handle)).phase).toBe('lost');
      expect((await pipeline.stop(handle)).phase).toBe('lost');
    });

    it('stop of a running run reads cancelled, again and again', async () => {
      const intent = pipelineIntent(runs().runsLong, freshName('stop'));
      const { handle } = await pipeline.start(intent);
      const stopped = await pipeline.stop(handle);
      expect(stopped.phase).toBe('cancelled');
      expect(stopped.tasks.filter(({ phase }) => LIVE.includes(phase))).toEqual([]);
      expect((await pipeline.stop(handle)).phase).toBe('cancelled');
      expect((await pipeline.read(handle)).phase).toBe('cancelled');
      expect((await pipeline.start(intent)).outcome).toBe('dead');
    });

    it('stop of a run that has succeeded says succeeded', async () => {
      const { handle } = await pipeline.start(pipelineIntent(runs().succeeds, freshName('late')));
      await endOf(handle);
      expect((await pipeline.stop(handle)).phase).toBe('succeeded');
    });

    it('retry makes a failed run live again, or says that the far side cannot', async () => {
      const { handle } = await pipeline.start(pipelineIntent(runs().fails, freshName('again')));
      await endOf(handle);
      if (runs().retries) {
        await pipeline.retry(handle);
        expect((await endOf(handle)).phase).toBe('failed');
      } else {
        await expectCode(pipeline.retry(handle), 'OPERATION_UNSUPPORTED');
      }
    });
  });
}
