import { createPrivateKey, createPublicKey } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { OrreryError } from '../../core/errors.ts';
import { preAuthEncoding } from '../../core/evidence/dsse.ts';
import type { DsseEnvelope } from '../../core/evidence/dsse.ts';
import {
  ENVELOPE_SIGNATURES_MAX,
  p256KeyId,
  signEnvelope,
  verifyEnvelope,
} from '../../kernels/evidence/dsse.ts';
import { generateApproverKey, generateSignerKey } from '../../kernels/evidence/keys.ts';

/** The key and the envelope of the test vector in dsse/protocol.md ("hello world", P-256). */
const VECTOR_KEY = {
  x: 46950820868899156662930047687818585632848591499744589407958293238635476079160n,
  y: 5640078356564379163099075877009565129882514886557779369047442380624545832820n,
  d: 97358161215184420915383655311931858321456579547487070936769975997791359926199n,
};
const VECTOR_TYPE = 'http://example.com/HelloWorld';
const VECTOR_SIGNATURE =
  'A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA==';

const coordinate = (value: bigint): string =>
  Buffer.from(value.toString(16).padStart(64, '0'), 'hex').toString('base64url');

function vectorKeys(): { privateKey: string; publicKey: string } {
  const { x, y, d } = VECTOR_KEY;
  const jwk = { kty: 'EC', crv: 'P-256', x: coordinate(x), y: coordinate(y) };
  const privateKey = createPrivateKey({ key: { ...jwk, d: coordinate(d) }, format: 'jwk' });
  return {
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicKey: createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString(),
  };
}

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return error instanceof OrreryError ? error.code : `not an OrreryError: ${String(error)}`;
  }
  return 'accepted';
}

const flipBit = (bytes: Uint8Array, bit: number): Uint8Array => {
  const copy = Uint8Array.from(bytes);
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return copy;
};
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
const PAYLOAD = Buffer.from('{"model":"fraud"}');
const TYPE = 'application/vnd.in-toto+json';

describe('the test vector of dsse/protocol.md', () => {
  const keys = vectorKeys();
  const payload = Buffer.from('hello world');

  it('has the pre-authentication encoding that core builds', () => {
    expect(Buffer.from(preAuthEncoding(VECTOR_TYPE, payload)).toString()).toBe(
      'DSSEv1 29 http://example.com/HelloWorld 11 hello world',
    );
  });

  it('verifies, with the key id that the example leaves out', () => {
    const envelope = {
      payload: 'aGVsbG8gd29ybGQ=',
      payloadType: VECTOR_TYPE,
      signatures: [{ keyid: p256KeyId(keys.publicKey), sig: VECTOR_SIGNATURE }],
    };
    const statement = verifyEnvelope(keys.publicKey, envelope);
    expect(Buffer.from(statement.payload).toString()).toBe('hello world');
    expect(statement.payloadType).toBe(VECTOR_TYPE);
  });

  it('is refused without a key id', () => {
    const envelope = {
      payload: 'aGVsbG8gd29ybGQ=',
      payloadType: VECTOR_TYPE,
      signatures: [{ keyid: '', sig: VECTOR_SIGNATURE }],
    };
    expect(codeOf(() => verifyEnvelope(keys.publicKey, envelope))).toBe('SIGNATURE_INVALID');
  });
});

describe('verifyEnvelope', () => {
  const keys = generateSignerKey();
  const keyId = p256KeyId(keys.publicKey);
  const envelope = signEnvelope(keys.privateKey, TYPE, PAYLOAD);
  const refusal = (changed: unknown, publicKey = keys.publicKey): string =>
    codeOf(() => verifyEnvelope(publicKey, changed as DsseEnvelope));

  it('gives back the payload that signEnvelope signed and the key id', () => {
    const statement = verifyEnvelope(keys.publicKey, envelope);
    expect(statement).toEqual({ keyId, payloadType: TYPE, payload: new Uint8Array(PAYLOAD) });
  });

  it('accepts an empty payload', () => {
    const empty = signEnvelope(keys.privateKey, TYPE, new Uint8Array());
    expect(verifyEnvelope(keys.publicKey, empty).payload).toHaveLength(0);
  });

  it('refuses every single-bit flip of the payload', () => {
    for (let bit = 0; bit < PAYLOAD.length * 8; bit += 1) {
      expect(refusal({ ...envelope, payload: base64(flipBit(PAYLOAD, bit)) })).toBe(
        'SIGNATURE_INVALID',
      );
    }
  });

  it('refuses every single-bit flip of the signature', () => {
    const signature = Buffer.from(envelope.signatures[0]?.sig ?? '', 'base64');
    expect(signature).toHaveLength(64);
    for (let bit = 0; bit < signature.length * 8; bit += 1) {
      const sig = base64(flipBit(signature, bit));
      expect(refusal({ ...envelope, signatures: [{ keyid: keyId, sig }] })).toBe(
        'SIGNATURE_INVALID',
      );
    }
  });

  it('refuses every single-bit flip of the payload type, the texts and the key id', () => {
    const flips = (text: string): string[] =>
      Array.from({ length: text.length * 8 }, (_, bit) =>
        Buffer.from(flipBit(Buffer.from(text), bit)).toString('latin1'),
      );
    const { sig = '', keyid = '' } = envelope.signatures[0] ?? {};
    const changed = [
      ...flips(TYPE).map((payloadType) => ({ ...envelope, payloadType })),
      ...flips(envelope.payload).map((payload) => ({ ...envelope, payload })),
      ...flips(sig).map((text) => ({ ...envelope, signatures: [{ keyid, sig: text }] })),
      ...flips(keyid).map((text) => ({ ...envelope, signatures: [{ keyid: text, sig }] })),
    ];
    expect(changed.filter((text) => refusal(text) !== 'SIGNATURE_INVALID')).toEqual([]);
  });

  it('refuses an envelope of another key, and one that only claims the key id', () => {
    const other = signEnvelope(generateSignerKey().privateKey, TYPE, PAYLOAD);
    expect(refusal(other)).toBe('SIGNATURE_INVALID');
    const forged = { ...other, signatures: [{ keyid: keyId, sig: other.signatures[0]?.sig }] };
    expect(refusal(forged)).toBe('SIGNATURE_INVALID');
  });

  it('accepts an envelope that others signed too', () => {
    const other = signEnvelope(generateSignerKey().privateKey, TYPE, PAYLOAD);
    const signatures = [...other.signatures, ...envelope.signatures];
    expect(verifyEnvelope(keys.publicKey, { ...envelope, signatures }).keyId).toBe(keyId);
  });

  it('refuses a signature in DER and base64 of the URL alphabet', () => {
    const short = { keyid: keyId, sig: base64(Buffer.alloc(70, 1)) };
    expect(refusal({ ...envelope, signatures: [short] })).toBe('SIGNATURE_INVALID');
    expect(refusal({ ...envelope, payload: `${envelope.payload.slice(0, -1)}_` })).toBe(
      'SIGNATURE_INVALID',
    );
  });

  it('takes ENVELOPE_SIGNATURES_MAX signatures and refuses one more', () => {
    const many = (count: number) => ({
      ...envelope,
      signatures: Array.from({ length: count }, () => envelope.signatures[0]),
    });
    expect(refusal(many(ENVELOPE_SIGNATURES_MAX))).toBe('accepted');
    expect(refusal(many(ENVELOPE_SIGNATURES_MAX + 1))).toBe('SIGNATURE_INVALID');
  });

  it.each([
    null,
    'text',
    {},
    { payload: 1, payloadType: TYPE, signatures: [] },
    { payload: 'aa==', payloadType: 1, signatures: [] },
    { payload: 'aa==', payloadType: TYPE, signatures: {} },
    { payload: 'aa==', payloadType: TYPE, signatures: [null] },
    { payload: 'aa==', payloadType: TYPE, signatures: [{ keyid: 'k' }] },
    { payload: 'aa==', payloadType: TYPE, signatures: [{ sig: 's' }] },
  ])('refuses %j, which is no envelope', (value) => {
    expect(refusal(value)).toBe('SIGNATURE_INVALID');
  });

  it('blames the settings for a key that is not P-256', () => {
    expect(refusal(envelope, generateApproverKey().publicKey)).toBe('SETTINGS_INVALID');
    expect(refusal(envelope, 'no key')).toBe('SETTINGS_INVALID');
    expect(codeOf(() => signEnvelope(generateApproverKey().privateKey, TYPE, PAYLOAD))).toBe(
      'SETTINGS_INVALID',
    );
  });
});
