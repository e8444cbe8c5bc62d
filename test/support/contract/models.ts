import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { FactChange, Models, ModelVersion } from '../../../core/ports/models.ts';
import { expectCode, freshName, portOf, type Harness, type OpenHarness } from './harness.ts';

const REGION = 'eu-west';
const ref = (digit: string) => ({ uri: 'any', sha256: digit.repeat(64), bytes: 1 });

function record(model: string, version: string): ModelVersion {
  return {
    model,
    version,
    author: 'ada',
    modelRef: ref('a'),
    reportRef: ref('b'),
    envelopeRef: ref('c'),
    workflowId: `lifecycle/${model}/${version}`,
  };
}

function change(model: string, expectedGeneration: number, champion: string): FactChange {
  const next = { champion, previous: null, challenger: null };
  return { model, region: REGION, expectedGeneration, next };
}

/** The promises of core/ports/models.ts. */
export function describeModelsContract(name: string, open: OpenHarness): void {
  describe(`models of ${name}`, () => {
    let harness: Harness;
    let models: Models;
    const freshModel = () => freshName('m').slice(0, 40);
    beforeAll(async () => {
      harness = await open();
      models = portOf(harness, 'models');
    });
    afterAll(() => harness.close());

    it('register keeps a version, and the same record again changes nothing', async () => {
      const entry = record(freshModel(), 'v1');
      await models.register(entry);
      await models.register(entry);
      expect(await models.read(entry.model, 'v1')).toEqual(entry);
    });

    it('register refuses another record under the same version with VERSION_TAKEN', async () => {
      const entry = record(freshModel(), 'v1');
      await models.register(entry);
      await expectCode(models.register({ ...entry, modelRef: ref('d') }), 'VERSION_TAKEN');
      expect(await models.read(entry.model, 'v1')).toEqual(entry);
    });

    it('register of two records at once keeps exactly one of them', async () => {
      const entry = record(freshModel(), 'v1');
      const other = { ...entry, author: 'grace' };
      const outcomes = await Promise.allSettled([models.register(entry), models.register(other)]);
      expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(1);
    });

    it('read of a version that nobody registered is null', async () => {
      expect(await models.read(freshModel(), 'v1')).toBeNull();
    });

    it('fact of a region that was never served is generation 0 without champion', async () => {
      expect(await models.fact(freshModel(), REGION)).toEqual({
        generation: 0,
        champion: null,
        previous: null,
        challenger: null,
      });
    });

    it('changeFact writes the next generation and answers with it', async () => {
      const model = freshModel();
      const next = {
        champion: 'v1',
        previous: null,
        challenger: { version: 'v2', owner: `rollout/${model}/v2/${REGION}` },
      };
      const written = await models.changeFact({
        model,
        region: REGION,
        expectedGeneration: 0,
        next,
      });
      expect(written).toEqual({ generation: 1, ...next });
      expect(await models.fact(model, REGION)).toEqual(written);
    });

    it('changeFact refuses an old or future generation with CHAMPION_MOVED and changes nothing', async () => {
      const model = freshModel();
      const written = await models.changeFact(change(model, 0, 'v1'));
      await expectCode(models.changeFact(change(model, 0, 'v2')), 'CHAMPION_MOVED');
      await expectCode(models.changeFact(change(model, 2, 'v2')), 'CHAMPION_MOVED');
      expect(await models.fact(model, REGION)).toEqual(written);
    });

    it('changeFact lets exactly one of many callers win a generation', async () => {
      const model = freshModel();
      const outcomes = await Promise.allSettled(
        Array.from({ length: 8 }, (_, caller) =>
          models.changeFact(change(model, 0, `v${caller + 1}`)),
        ),
      );
      const winners = outcomes.filter((outcome) => outcome.status === 'fulfilled');
      expect(winners).toHaveLength(1);
      const fact = await models.fact(model, REGION);
      expect(fact).toEqual(winners[0]!.value);
      expect(fact.generation).toBe(1);
    });

    it('changeFact in one region leaves the other regions alone', async () => {
      const model = freshModel();
      await models.changeFact(change(model, 0, 'v1'));
      expect((await models.fact(model, 'us-east')).generation).toBe(0);
    });
  });
}
