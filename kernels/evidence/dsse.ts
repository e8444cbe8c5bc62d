import { sign, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { OrreryError } from '../../core/errors.ts';
import { preAuthEncoding } from '../../core/evidence/dsse.ts';
import type { DsseEnvelope, DsseStatement } from '../../core/evidence/dsse.ts';
import { decodeBase64, encodeBase64 } from './base64.ts';
import { keyIdOf, readPrivateKey, readPublicKey } from './keys.ts';

/** Most signatures that an envelope may carry; more is no envelope of ours. */
export const ENVELOPE_SIGNATURES_MAX = 16;

/** r and s as two numbers of 32 bytes each, the encoding of dsse/protocol.md's test vector. */
const ENCODING = 'ieee-p1363';
const SIGNATURE_BYTES = 64;

/** SHA-256 of a P-256 public key in DER, 64 hexadecimal digits. @throws OrreryError SETTINGS_INVALID */
export function p256KeyId(publicKeyPem: string): string {
  return keyIdOf(readPublicKey(publicKeyPem, 'P-256'));
}

/**
 * Signs with ECDSA on P-256 and SHA-256 over the pre-authentication encoding of type and payload.
 *
 * @throws OrreryError SETTINGS_INVALID for a key of another kind
 */
export function signEnvelope(
  privateKeyPem: string,
  payloadType: string,
  payload: Uint8Array,
): DsseEnvelope {
  const key = readPrivateKey(privateKeyPem, 'P-256');
  const signature = sign('sha256', preAuthEncoding(payloadType, payload), {
    key,
    dsaEncoding: ENCODING,
  });
  return {
    payload: encodeBase64(payload),
    payloadType,
    signatures: [{ keyid: keyIdOf(key), sig: encodeBase64(signature) }],
  };
}

/**
 * What an envelope says, once one of its signatures under the key's own id verifies. The protocol
 * takes `keyid` for a hint; we make it binding, so that an envelope names the key that it stands on.
 * The envelope is taken for untrusted input of any shape.
 *
 * @throws OrreryError SIGNATURE_INVALID; SETTINGS_INVALID for a key of another kind
 */
export function verifyEnvelope(publicKeyPem: string, envelope: DsseEnvelope): DsseStatement {
  const key = readPublicKey(publicKeyPem, 'P-256');
  const keyId = keyIdOf(key);
  if (!hasEnvelopeShape(envelope)) {
    throw invalid('it is not {payload, payloadType, signatures}, wanted a DSSE envelope');
  }
  const payload = decodeBase64(envelope.payload);
  if (payload === null) throw invalid('its payload is not base64, wanted standard base64');
  const own = envelope.signatures.filter((signature) => signature.keyid === keyId);
  if (own.length === 0) throw invalid(`it has no signature of key ${keyId}, wanted one`);
  const signed = preAuthEncoding(envelope.payloadType, payload);
  if (!own.some(({ sig }) => isSignatureOf(key, signed, sig))) {
    throw invalid(`the signature of key ${keyId} is not over this content, wanted one that is`);
  }
  return { keyId, payloadType: envelope.payloadType, payload };
}

function isSignatureOf(key: KeyObject, signed: Uint8Array, text: string): boolean {
  const signature = decodeBase64(text);
  if (signature === null || signature.length !== SIGNATURE_BYTES) return false;
  return verify('sha256', signed, { key, dsaEncoding: ENCODING }, signature);
}

function hasEnvelopeShape(value: unknown): value is DsseEnvelope {
  if (typeof value !== 'object' || value === null) return false;
  const { payload, payloadType, signatures } = value as Record<string, unknown>;
  return (
    typeof payload === 'string' &&
    typeof payloadType === 'string' &&
    Array.isArray(signatures) &&
    signatures.length <= ENVELOPE_SIGNATURES_MAX &&
    signatures.every(
      (entry: unknown) =>
        typeof entry === 'object' &&
        entry !== null &&
        typeof (entry as Record<string, unknown>)['keyid'] === 'string' &&
        typeof (entry as Record<string, unknown>)['sig'] === 'string',
    )
  );
}

function invalid(state: string): OrreryError {
  return new OrreryError('SIGNATURE_INVALID', `Cannot accept the envelope: ${state}`);
}
