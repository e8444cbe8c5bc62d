import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { Definitions } from '../../../core/ports/definitions.ts';
import { freshName, needed, portOf, type Harness, type OpenHarness } from './harness.ts';

/** The promises of core/ports/definitions.ts. */
export function describeDefinitionsContract(name: string, open: OpenHarness): void {
  describe(`definitions of ${name}`, () => {
    let harness: Harness;
    let definitions: Definitions;
    const content = (variant: number) => needed(harness.definition, 'definition')(variant);
    beforeAll(async () => {
      harness = await open();
      definitions = portOf(harness, 'definitions');
    });
    afterAll(() => harness.close());

    it('put creates, then updates, and again changes nothing; plan says so beforehand', async () => {
      const named = (variant: number) => ({ name, content: content(variant) });
      const name = freshName('flow').toLowerCase();
      expect(await definitions.plan(named(1))).toMatchObject({ name, change: 'create' });
      const first = await definitions.put(named(1));
      expect(await definitions.plan(named(1))).toMatchObject({ change: 'none' });
      expect(await definitions.put(named(1))).toEqual(first);
      const update = await definitions.plan(named(2));
      expect(update.change).toBe('update');
      expect(update.diff).not.toBe('');
      const second = await definitions.put(named(2));
      expect(second.digest).not.toBe(first.digest);
      expect(await definitions.list()).toContainEqual(second);
      await definitions.remove(name);
      expect((await definitions.list()).map((reading) => reading.name)).not.toContain(name);
      await definitions.remove(name);
    });
  });
}
