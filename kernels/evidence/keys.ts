import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { OrreryError } from '../../core/errors.ts';

/** Both halves as PEM: PKCS #8 (RFC 5958) and SubjectPublicKeyInfo (RFC 5280, section 4.1.2.7). */
export interface KeyPairPem {
  readonly privateKey: string;
  readonly publicKey: string;
}

const PUBLIC = { type: 'spki', format: 'pem' } as const;
const PRIVATE = { type: 'pkcs8', format: 'pem' } as const;

/** A key that signs releases: ECDSA on P-256 (`prime256v1` to OpenSSL). */
export function generateSignerKey(): KeyPairPem {
  return generateKeyPairSync('ec', {
    namedCurve: 'prime256v1',
    publicKeyEncoding: PUBLIC,
    privateKeyEncoding: PRIVATE,
  });
}

/** A key that signs approvals: Ed25519. */
export function generateApproverKey(): KeyPairPem {
  return generateKeyPairSync('ed25519', { publicKeyEncoding: PUBLIC, privateKeyEncoding: PRIVATE });
}

export type KeyAlgorithm = 'P-256' | 'Ed25519';

/**
 * @throws OrreryError SETTINGS_INVALID when the text is not a private key of this algorithm; the
 *   message never repeats the text, which may be secret.
 */
export function readPrivateKey(privateKeyPem: string, algorithm: KeyAlgorithm): KeyObject {
  return readKey(() => createPrivateKey(privateKeyPem), 'private', algorithm);
}

/** @throws OrreryError SETTINGS_INVALID when the text is not a public key of this algorithm */
export function readPublicKey(publicKeyPem: string, algorithm: KeyAlgorithm): KeyObject {
  return readKey(() => createPublicKey(publicKeyPem), 'public', algorithm);
}

/** SHA-256 of the key in DER (SubjectPublicKeyInfo), 64 lower-case hexadecimal digits. */
export function keyIdOf(key: KeyObject): string {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex');
}

function readKey(
  read: () => KeyObject,
  half: 'private' | 'public',
  algorithm: KeyAlgorithm,
): KeyObject {
  let key: KeyObject;
  try {
    key = read();
  } catch (cause) {
    throw new OrreryError(
      'SETTINGS_INVALID',
      `Cannot read the ${half} key: it is not a PEM of a ${half} key, wanted one of ${algorithm}`,
      { cause },
    );
  }
  const found = algorithmOf(key);
  if (found !== algorithm) {
    throw new OrreryError(
      'SETTINGS_INVALID',
      `Cannot use the ${half} key: it is one of ${found}, wanted one of ${algorithm}`,
    );
  }
  return key;
}

function algorithmOf(key: KeyObject): string {
  if (key.asymmetricKeyType === 'ed25519') return 'Ed25519';
  const curve = key.asymmetricKeyDetails?.namedCurve;
  return curve === 'prime256v1' ? 'P-256' : `${key.asymmetricKeyType} ${curve ?? ''}`.trim();
}
