import { sign, verify } from 'node:crypto';
import { approvalText } from '../../core/evidence/approval.ts';
import type { ApprovalStatement, SignedApproval } from '../../core/evidence/approval.ts';
import { decodeBase64, encodeBase64 } from './base64.ts';
import { keyIdOf, readPrivateKey, readPublicKey } from './keys.ts';

/** An Ed25519 signature is R and S of 32 bytes each (RFC 8032, section 5.1.6). */
const SIGNATURE_BYTES = 64;

/** SHA-256 of an Ed25519 public key in DER, 64 hexadecimal digits. @throws OrreryError SETTINGS_INVALID */
export function ed25519KeyId(publicKeyPem: string): string {
  return keyIdOf(readPublicKey(publicKeyPem, 'Ed25519'));
}

/** Signs the canonical text of a statement. @throws OrreryError SETTINGS_INVALID for a key of another kind */
export function signApproval(privateKeyPem: string, statement: ApprovalStatement): SignedApproval {
  const key = readPrivateKey(privateKeyPem, 'Ed25519');
  // Ed25519 hashes by itself, so the digest name is null (RFC 8032, PureEdDSA).
  const signature = sign(null, Buffer.from(approvalText(statement)), key);
  return { statement, keyId: keyIdOf(key), signature: encodeBase64(signature) };
}

/**
 * Whether the approval names this key and its signature covers exactly its statement. A member that
 * was added to the statement changes the canonical text, so it is refused too.
 *
 * @throws OrreryError SETTINGS_INVALID when the enrolled key itself is unusable
 */
export function verifyApproval(publicKeyPem: string, approval: SignedApproval): boolean {
  const key = readPublicKey(publicKeyPem, 'Ed25519');
  if (approval.keyId !== keyIdOf(key)) return false;
  const signature = decodeBase64(approval.signature);
  if (signature === null || signature.length !== SIGNATURE_BYTES) return false;
  return verify(null, Buffer.from(approvalText(approval.statement)), key, signature);
}
