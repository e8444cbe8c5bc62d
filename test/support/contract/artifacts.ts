import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { sha256Hex } from '../../../core/canonical.ts';
import type { Artifacts } from '../../../core/ports/artifacts.ts';
import {
  expectCode,
  freshName,
  needed,
  portOf,
  type Harness,
  type OpenHarness,
} from './harness.ts';

/** The promises of core/ports/artifacts.ts. */
export function describeArtifactsContract(name: string, open: OpenHarness): void {
  describe(`artifacts of ${name}`, () => {
    let harness: Harness;
    let artifacts: Artifacts;
    const bytesOf = (text: string) => new TextEncoder().encode(text);
    const absentRef = () => {
      const bytes = bytesOf(freshName('absent'));
      return { uri: 'nowhere', sha256: sha256Hex(bytes), bytes: bytes.length };
    };
    beforeAll(async () => {
      harness = await open();
      artifacts = portOf(harness, 'artifacts');
    });
    afterAll(() => harness.close());

    it('put answers with digest and length, and read gives the same bytes back', async () => {
      const bytes = new Uint8Array([0, 255, 10, 13, 0, 128]);
      const ref = await artifacts.put(bytes);
      expect(ref).toMatchObject({ sha256: sha256Hex(bytes), bytes: bytes.length });
      expect(Buffer.from(await artifacts.read(ref))).toEqual(Buffer.from(bytes));
    });

    it('put keeps an empty file', async () => {
      const ref = await artifacts.put(new Uint8Array());
      expect(ref.bytes).toBe(0);
      expect((await artifacts.read(ref)).length).toBe(0);
    });

    it('put of the same bytes twice, and at once, gives one reference', async () => {
      const bytes = bytesOf(freshName('same'));
      const [first, second] = await Promise.all([artifacts.put(bytes), artifacts.put(bytes)]);
      expect(second).toEqual(first);
      expect(await artifacts.put(bytes)).toEqual(first);
    });

    it('put keeps the bytes of the call when the caller changes them afterwards', async () => {
      const bytes = bytesOf(freshName('mine'));
      const before = bytes.slice();
      const ref = await artifacts.put(bytes);
      bytes.fill(0);
      expect(Buffer.from(await artifacts.read(ref))).toEqual(Buffer.from(before));
    });

    it('read finds the bytes by digest alone, whatever the uri says', async () => {
      const ref = await artifacts.put(bytesOf('found by digest'));
      expect(Buffer.from(await artifacts.read({ ...ref, uri: 'elsewhere' })).toString()).toBe(
        'found by digest',
      );
    });

    it('has tells what the store holds', async () => {
      const ref = await artifacts.put(bytesOf(freshName('held')));
      expect(await artifacts.has(ref)).toBe(true);
      expect(await artifacts.has(absentRef())).toBe(false);
    });

    it('read refuses what the store does not hold with ARTIFACT_MISSING', async () => {
      await expectCode(artifacts.read(absentRef()), 'ARTIFACT_MISSING');
    });

    it('import copies a file from elsewhere', async () => {
      const { uri, bytes } = needed(harness.importable, 'importable');
      const ref = await artifacts.import(uri);
      expect(ref).toMatchObject({ sha256: sha256Hex(bytes), bytes: bytes.length });
      expect(Buffer.from(await artifacts.read(ref))).toEqual(Buffer.from(bytes));
    });

    it('import refuses a file that is not there with DATA_UNREADABLE', async () => {
      const { missingUri } = needed(harness.importable, 'importable');
      await expectCode(artifacts.import(missingUri), 'DATA_UNREADABLE');
    });

    it('import refuses a scheme that it does not know with DATA_UNREADABLE', async () => {
      await expectCode(artifacts.import('gopher://host/file'), 'DATA_UNREADABLE');
    });
  });
}
