import { describe, expect, it } from '@jest/globals';

import { sha256Hex } from '../../core/canonical.ts';
import { OrreryError } from '../../core/errors.ts';
import { IN_TOTO_PAYLOAD_TYPE, releaseStatement } from '../../core/evidence/dsse.ts';
import { signEnvelope } from '../../kernels/evidence/dsse.ts';
import { generateSignerKey } from '../../kernels/evidence/keys.ts';
import { checkModelBytes, signedModelDigest } from '../../kernels/evidence/release.ts';

const bytes = new TextEncoder().encode('a model file');
const own = generateSignerKey();
const other = generateSignerKey();
const released = { model: 'fraud', version: 'v1' };

function envelopeBy(privateKey: string, change: object = {}, type = IN_TOTO_PAYLOAD_TYPE) {
  const statement = releaseStatement({
    modelSha256: sha256Hex(bytes),
    ...released,
    author: 'ada',
    workflowId: 'lifecycle/fraud/v1',
    reportSha256: 'b'.repeat(64),
    dataSha256: 'c'.repeat(64),
  });
  const payload = new TextEncoder().encode(JSON.stringify({ ...statement, ...change }));
  return signEnvelope(privateKey, type, payload);
}

function codeOf(call: () => unknown): string {
  try {
    call();
    return 'none';
  } catch (error) {
    return error instanceof OrreryError ? error.code : String(error);
  }
}

describe('signedModelDigest', () => {
  it('tells the digest that any one of the trusted keys signed', () => {
    const keys = [other.publicKey, own.publicKey];
    expect(signedModelDigest(keys, envelopeBy(own.privateKey), released)).toBe(sha256Hex(bytes));
  });

  it('refuses an envelope that no trusted key signed, and names the keys that it trusts', () => {
    const keys = [other.publicKey, generateSignerKey().publicKey];
    const read = () => signedModelDigest(keys, envelopeBy(own.privateKey), released);
    expect(codeOf(read)).toBe('SIGNATURE_INVALID');
    expect(read).toThrow(/none of the trusted keys \([0-9a-f]{12}, [0-9a-f]{12}\)/);
  });

  it.each([
    ['of another version', { ...released, version: 'v2' }, {}, IN_TOTO_PAYLOAD_TYPE],
    ['without a model file', released, { subject: [] }, IN_TOTO_PAYLOAD_TYPE],
    ['of another kind', released, { predicateType: 'urn:other' }, IN_TOTO_PAYLOAD_TYPE],
    ['of another payload type', released, {}, 'application/json'],
  ])('refuses a statement %s', (_, asked, change, type) => {
    const envelope = envelopeBy(own.privateKey, change, type);
    expect(codeOf(() => signedModelDigest([own.publicKey], envelope, asked))).toBe(
      'SIGNATURE_INVALID',
    );
  });
});

describe('checkModelBytes', () => {
  it('takes the signed bytes and refuses every other with MODEL_INVALID', () => {
    checkModelBytes(bytes, sha256Hex(bytes), released);
    expect(codeOf(() => checkModelBytes(bytes.slice(1), sha256Hex(bytes), released))).toBe(
      'MODEL_INVALID',
    );
  });
});
