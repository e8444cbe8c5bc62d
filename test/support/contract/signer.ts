import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { Signer } from '../../../core/ports/signer.ts';
import { generateSignerKey } from '../../../kernels/evidence/keys.ts';
import { signEnvelope } from '../../../kernels/evidence/dsse.ts';
import { expectCode, needed, portOf, type Harness, type OpenHarness } from './harness.ts';

const TYPE = 'application/vnd.in-toto+json';
const payload = new TextEncoder().encode('{"subject":[]}');

/** The promises of core/ports/signer.ts. */
export function describeSignerContract(name: string, open: OpenHarness): void {
  describe(`signer of ${name}`, () => {
    let harness: Harness;
    let signer: Signer;
    beforeAll(async () => {
      harness = await open();
      signer = portOf(harness, 'signer');
    });
    afterAll(() => harness.close());

    it('verify gives back what sign was given', async () => {
      const statement = await signer.verify(await signer.sign(TYPE, payload));
      expect(statement.payloadType).toBe(TYPE);
      expect(Buffer.from(statement.payload)).toEqual(Buffer.from(payload));
    });

    it('verify refuses a changed payload with SIGNATURE_INVALID', async () => {
      const envelope = await signer.sign(TYPE, payload);
      const changed = Buffer.from('{"subject":[1]}').toString('base64');
      await expectCode(signer.verify({ ...envelope, payload: changed }), 'SIGNATURE_INVALID');
    });

    it('verify refuses a changed payload type with SIGNATURE_INVALID', async () => {
      const envelope = await signer.sign(TYPE, payload);
      await expectCode(
        signer.verify({ ...envelope, payloadType: 'text/plain' }),
        'SIGNATURE_INVALID',
      );
    });

    it('verify refuses an envelope of another key, or of none, with SIGNATURE_INVALID', async () => {
      const foreign = signEnvelope(generateSignerKey().privateKey, TYPE, payload);
      await expectCode(signer.verify(foreign), 'SIGNATURE_INVALID');
      await expectCode(signer.verify({ ...foreign, signatures: [] }), 'SIGNATURE_INVALID');
    });

    it('approver knows who is enrolled and nobody else', async () => {
      const { keyId, name: person, publicKey } = needed(harness.approver, 'approver');
      expect(await signer.approver(keyId)).toEqual({ name: person, publicKey });
      expect(await signer.approver('0'.repeat(64))).toBeNull();
    });
  });
}
