import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { Compute, JobHandle, JobReading } from '../../../core/ports/compute.ts';
import {
  contractIntent,
  expectCode,
  freshName,
  needed,
  portOf,
  type Harness,
  type OpenHarness,
} from './harness.ts';

const WAIT_MS = 2000;
/** Changes of one job that are looked at before the test gives up. */
const READINGS_MAX = 200;
/** An estimate while it runs may exceed what the record of the end says, by so much. */
const BILLED_SLACK_SECONDS = 0.5;
const LIVE = ['pending', 'running'];

/** The promises of core/ports/compute.ts. */
export function describeComputeContract(name: string, open: OpenHarness): void {
  describe(`compute of ${name}`, () => {
    let harness: Harness;
    let compute: Compute;
    const jobs = () => needed(harness.job, 'job');
    beforeAll(async () => {
      harness = await open();
      compute = portOf(harness, 'compute');
    });
    afterAll(() => harness.close());

    const follow = async (
      handle: JobHandle,
      until: (reading: JobReading) => boolean,
    ): Promise<readonly JobReading[]> => {
      const readings: JobReading[] = [await compute.read(handle)];
      for (let last = readings[0]!; !until(last); readings.push(last)) {
        if (readings.length > READINGS_MAX) throw new Error(`${handle.key} stays ${last.phase}`);
        last = await compute.read(handle, { since: last.revision, waitMs: WAIT_MS });
      }
      return readings;
    };
    const ended = (reading: JobReading) => !LIVE.includes(reading.phase);
    const endOf = async (handle: JobHandle) => (await follow(handle, ended)).at(-1)!;

    it('start creates a job that succeeds and leaves its outputs in the store', async () => {
      const { handle, outcome } = await compute.start(
        contractIntent(jobs().succeeds, freshName('ok')),
      );
      expect(outcome).toBe('created');
      const reading = await endOf(handle);
      expect(reading).toMatchObject({ phase: 'succeeded', exit: { code: 0, signal: null } });
      expect(Object.keys(reading.outputs)).toEqual([...jobs().succeeds.outputs]);
      const artifacts = harness.ports.artifacts;
      for (const ref of Object.values(reading.outputs)) {
        expect((await artifacts?.read(ref))?.length ?? ref.bytes).toBe(ref.bytes);
      }
    });

    it('read tells a failure with its exit code, a reason and where the log is', async () => {
      const { handle } = await compute.start(contractIntent(jobs().fails, freshName('bad')));
      const reading = await endOf(handle);
      expect(reading.phase).toBe('failed');
      expect(reading.exit?.code).toBe(3);
      expect(reading.reason).toMatch(/3/);
      expect(reading.logUri).not.toBe('');
      expect(reading.outputs).toEqual({});
    });

    it('start under the key of a live job adopts it', async () => {
      const intent = contractIntent(jobs().runsLong, freshName('live'));
      const first = await compute.start(intent);
      const second = await compute.start(intent);
      expect(second).toEqual({ handle: first.handle, outcome: 'adopted' });
      await compute.stop(first.handle);
    });

    it('start at once from many callers creates one job', async () => {
      const intent = contractIntent(jobs().runsLong, freshName('many'));
      const starts = await Promise.all(Array.from({ length: 5 }, () => compute.start(intent)));
      expect(starts.filter((start) => start.outcome === 'created')).toHaveLength(1);
      expect(new Set(starts.map((start) => start.handle.remoteId)).size).toBe(1);
      await compute.stop(starts[0]!.handle);
    });

    it('start under the key of a succeeded job adopts it', async () => {
      const intent = contractIntent(jobs().succeeds, freshName('done'));
      const { handle } = await compute.start(intent);
      await endOf(handle);
      expect(await compute.start(intent)).toEqual({ handle, outcome: 'adopted' });
    });

    it('start under the key of a failed or cancelled job says dead, and starts nothing', async () => {
      const failed = contractIntent(jobs().fails, freshName('dead'));
      const { handle } = await compute.start(failed);
      await endOf(handle);
      expect((await compute.start(failed)).outcome).toBe('dead');
      expect((await compute.read(handle)).phase).toBe('failed');
      const cancelled = contractIntent(jobs().runsLong, freshName('dead'));
      await compute.stop((await compute.start(cancelled)).handle);
      expect((await compute.start(cancelled)).outcome).toBe('dead');
    });

    it('start under a key that holds another spec is NAME_TAKEN', async () => {
      const intent = contractIntent(jobs().runsLong, freshName('taken'));
      const other = contractIntent(jobs().runsLong, freshName('taken'));
      const { handle } = await compute.start(intent);
      await expectCode(compute.start({ ...other, key: intent.key }), 'NAME_TAKEN');
      expect(LIVE).toContain((await compute.read(handle)).phase);
      await compute.stop(handle);
    });

    it('read of a job that nobody knows is lost', async () => {
      const handle = { key: contractIntent(jobs().fails, freshName('x')).key, remoteId: 'x' };
      expect((await compute.read(handle)).phase).toBe('lost');
    });

    it('read never takes a revision or billed seconds back', async () => {
      const { handle } = await compute.start(
        contractIntent(jobs().succeeds, freshName('revision')),
      );
      const readings = await follow(handle, ended);
      for (const [at, reading] of readings.entries()) {
        const before = readings[at - 1] ?? reading;
        expect(reading.revision).toBeGreaterThanOrEqual(before.revision);
        const billableMin = before.billableSeconds - BILLED_SLACK_SECONDS;
        expect(reading.billableSeconds).toBeGreaterThanOrEqual(billableMin);
      }
      const last = readings.at(-1)!;
      expect(last.billableSeconds).toBeGreaterThan(0);
      expect(await compute.read(handle)).toEqual(last);
    });

    it('read with a revision that is passed already answers without waiting', async () => {
      const { handle } = await compute.start(contractIntent(jobs().runsLong, freshName('now')));
      const { revision } = await compute.read(handle);
      const before = harness.clock.now();
      await compute.read(handle, { since: revision - 1, waitMs: 60_000 });
      expect(harness.clock.now() - before).toBeLessThan(60_000);
      await compute.stop(handle);
    });

    it('stop of a running job reads cancelled, again and again', async () => {
      const { handle } = await compute.start(contractIntent(jobs().runsLong, freshName('stop')));
      const stopped = await compute.stop(handle);
      expect(stopped).toMatchObject({ phase: 'cancelled', outputs: {} });
      expect(await compute.stop(handle)).toEqual(stopped);
      expect(await compute.read(handle)).toEqual(stopped);
    });

    it('stop from two callers at once ends in one truth', async () => {
      const { handle } = await compute.start(contractIntent(jobs().runsLong, freshName('twice')));
      const [one, other] = await Promise.all([compute.stop(handle), compute.stop(handle)]);
      expect(one.phase).toBe('cancelled');
      expect(other.phase).toBe('cancelled');
    });

    it('stop finds the job by its key alone, as after a start whose reply was lost', async () => {
      const intent = contractIntent(jobs().runsLong, freshName('unread'));
      const { handle } = await compute.start(intent);
      const unread = { key: intent.key, remoteId: intent.key };
      expect((await compute.stop(unread)).phase).toBe('cancelled');
      expect((await compute.read(handle)).phase).toBe('cancelled');
    });

    it('stop of a job that has succeeded says succeeded', async () => {
      const { handle } = await compute.start(contractIntent(jobs().succeeds, freshName('late')));
      const reading = await endOf(handle);
      expect(await compute.stop(handle)).toEqual(reading);
    });

    it('stop of a job that nobody knows is lost', async () => {
      const { key } = contractIntent(jobs().fails, freshName('y'));
      expect((await compute.stop({ key, remoteId: 'y' })).phase).toBe('lost');
    });

    it('stop wakes a reader that waits', async () => {
      const { handle } = await compute.start(contractIntent(jobs().runsLong, freshName('wake')));
      const { revision } = await compute.read(handle);
      const waiting = compute.read(handle, { since: revision, waitMs: 60_000 });
      await compute.stop(handle);
      await waiting;
      expect((await compute.read(handle)).phase).toBe('cancelled');
    });

    it('requestCheckpoint leaves an ended job as it is', async () => {
      const { handle } = await compute.start(contractIntent(jobs().succeeds, freshName('check')));
      const reading = await endOf(handle);
      await compute.requestCheckpoint(handle);
      expect(await compute.read(handle)).toEqual(reading);
    });
  });
}
