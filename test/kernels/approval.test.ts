import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { ApprovalStatement } from '../../core/evidence/approval.ts';
import { ed25519KeyId, signApproval, verifyApproval } from '../../kernels/evidence/approval.ts';
import { generateApproverKey, generateSignerKey } from '../../kernels/evidence/keys.ts';

const STATEMENT: ApprovalStatement = {
  workflowId: 'lifecycle/fraud/v1',
  modelSha256: 'a'.repeat(64),
  reportSha256: 'b'.repeat(64),
  nonce: 'n-1',
  decision: 'approve',
  reason: 'better on every segment – ünïcode too',
};

const flipBit = (bytes: Uint8Array, bit: number): Buffer => {
  const copy = Buffer.from(bytes);
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return copy;
};

describe('Ed25519 of this machine', () => {
  // RFC 8032, section 7.1, tests 1 and 2: secret key, public key, message, signature.
  it.each([
    [
      '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
      'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
      '',
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    ],
    [
      '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
      '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
      '72',
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    ],
  ])('signs and verifies the vector of secret key %s', (secret, open, message, signature) => {
    const base64url = (hex: string): string => Buffer.from(hex, 'hex').toString('base64url');
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: base64url(open), d: base64url(secret) };
    const privateKey = createPrivateKey({ key: jwk, format: 'jwk' });
    const bytes = Buffer.from(message, 'hex');
    expect(sign(null, bytes, privateKey).toString('hex')).toBe(signature);
    const publicKey = createPublicKey(privateKey);
    expect(verify(null, bytes, publicKey, Buffer.from(signature, 'hex'))).toBe(true);
  });
});

describe('verifyApproval', () => {
  const keys = generateApproverKey();
  const approval = signApproval(keys.privateKey, STATEMENT);

  it('accepts what signApproval signed, whatever the order of the members', () => {
    const reversed = Object.fromEntries(Object.entries(STATEMENT).toReversed());
    expect(verifyApproval(keys.publicKey, approval)).toBe(true);
    expect(
      verifyApproval(keys.publicKey, {
        ...approval,
        statement: reversed as unknown as ApprovalStatement,
      }),
    ).toBe(true);
    expect(approval.keyId).toBe(ed25519KeyId(keys.publicKey));
  });

  it('refuses every single-bit flip of the signature', () => {
    const signature = Buffer.from(approval.signature, 'base64');
    for (let bit = 0; bit < signature.length * 8; bit += 1) {
      const changed = flipBit(signature, bit).toString('base64');
      expect(verifyApproval(keys.publicKey, { ...approval, signature: changed })).toBe(false);
    }
  });

  it.each(Object.keys(STATEMENT))('refuses every single-bit flip of the %s', (member) => {
    const text = Buffer.from(STATEMENT[member as keyof ApprovalStatement]);
    for (let bit = 0; bit < text.length * 8; bit += 1) {
      const statement = { ...STATEMENT, [member]: flipBit(text, bit).toString('latin1') };
      expect(verifyApproval(keys.publicKey, { ...approval, statement })).toBe(false);
    }
  });

  it('refuses a statement with one more member', () => {
    const statement = { ...STATEMENT, scope: 'all regions' };
    expect(verifyApproval(keys.publicKey, { ...approval, statement })).toBe(false);
  });

  it('refuses another key, and another key under this key id', () => {
    const other = signApproval(generateApproverKey().privateKey, STATEMENT);
    expect(verifyApproval(keys.publicKey, other)).toBe(false);
    expect(verifyApproval(keys.publicKey, { ...other, keyId: approval.keyId })).toBe(false);
  });

  it('refuses a signature that is not 64 bytes of base64', () => {
    for (const signature of ['', 'AAAA', `${approval.signature} `, '*']) {
      expect(verifyApproval(keys.publicKey, { ...approval, signature })).toBe(false);
    }
  });

  it('throws SETTINGS_INVALID for an enrolled key that is not Ed25519', () => {
    const { publicKey } = generateSignerKey();
    expect(() => verifyApproval(publicKey, approval)).toThrow('wanted one of Ed25519');
  });
});

describe('generateApproverKey and generateSignerKey', () => {
  it('make PKCS #8 and SubjectPublicKeyInfo PEMs, different each time', () => {
    for (const make of [generateApproverKey, generateSignerKey]) {
      const [a, b] = [make(), make()];
      expect(a.privateKey).toMatch(/^-----BEGIN PRIVATE KEY-----/);
      expect(a.publicKey).toMatch(/^-----BEGIN PUBLIC KEY-----/);
      expect(a.privateKey).not.toBe(b.privateKey);
    }
  });
});
