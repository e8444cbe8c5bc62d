import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { Tuning, TuningHandle, TuningReading } from '../../../core/ports/tuning.ts';
import {
  expectCode,
  freshName,
  needed,
  portOf,
  tuningIntent,
  type Harness,
  type OpenHarness,
} from './harness.ts';

const WAIT_MS = 2000;
const READINGS_MAX = 200;
const LIVE = ['pending', 'running'];

/** The promises of core/ports/tuning.ts. */
export function describeTuningContract(name: string, open: OpenHarness): void {
  describe(`tuning of ${name}`, () => {
    let harness: Harness;
    let tuning: Tuning;
    const searches = () => needed(harness.tuning, 'tuning');
    beforeAll(async () => {
      harness = await open();
      tuning = portOf(harness, 'tuning');
    });
    afterAll(() => harness.close());

    const endOf = async (handle: TuningHandle): Promise<TuningReading> => {
      let reading = await tuning.read(handle);
      for (let count = 0; LIVE.includes(reading.phase); count += 1) {
        if (count > READINGS_MAX) throw new Error(`${handle.key} stays ${reading.phase}`);
        reading = await tuning.read(handle, { since: reading.revision, waitMs: WAIT_MS });
      }
      return reading;
    };

    it('start creates a search that ends with its best trial by the objective', async () => {
      const intent = tuningIntent(searches().succeeds, freshName('ok'));
      const { handle, outcome } = await tuning.start(intent);
      expect(outcome).toBe('created');
      const reading = await endOf(handle);
      expect(reading.phase).toBe('succeeded');
      expect(reading.trials.length).toBeLessThanOrEqual(intent.spec.trialsMax);
      const values = reading.trials.flatMap(({ value }) => (value === null ? [] : [value]));
      const wanted = Math[intent.spec.objective.goal === 'maximize' ? 'max' : 'min'](...values);
      expect(reading.best?.value).toBe(wanted);
      expect(Object.keys(reading.best?.params ?? {}).sort()).toEqual(
        intent.spec.space.map((parameter) => parameter.name).sort(),
      );
      expect((await tuning.start(intent)).outcome).toBe('adopted');
    });

    it('start at once from many callers creates one search', async () => {
      const intent = tuningIntent(searches().runsLong, freshName('many'));
      const starts = await Promise.all(Array.from({ length: 3 }, () => tuning.start(intent)));
      expect(new Set(starts.map((start) => start.handle.remoteId)).size).toBe(1);
      await tuning.stop(starts[0]!.handle);
    });

    it('start under a key that holds another spec is NAME_TAKEN', async () => {
      const intent = tuningIntent(searches().runsLong, freshName('taken'));
      const other = tuningIntent(searches().runsLong, freshName('taken'));
      const { handle } = await tuning.start(intent);
      await expectCode(tuning.start({ ...other, key: intent.key }), 'NAME_TAKEN');
      await tuning.stop(handle);
    });

    it('stop of a running search reads cancelled, and no trial runs on', async () => {
      const intent = tuningIntent(searches().runsLong, freshName('stop'));
      const { handle } = await tuning.start(intent);
      const stopped = await tuning.stop(handle);
      expect(stopped.phase).toBe('cancelled');
      expect(stopped.trials.filter(({ phase }) => LIVE.includes(phase))).toEqual([]);
      expect((await tuning.read(handle)).phase).toBe('cancelled');
      expect((await tuning.start(intent)).outcome).toBe('dead');
    });

    it('read of a search that nobody knows is lost', async () => {
      const { key } = tuningIntent(searches().succeeds, freshName('x'));
      const handle = { key, remoteId: searches().unknownRemoteId(key) };
      expect((await tuning.read(handle)).phase).toBe('lost');
    });
  });
}
