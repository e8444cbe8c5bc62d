import type { DsseEnvelope, DsseStatement } from '../evidence/dsse.ts';

/** Signs release statements and knows who may approve. */
export interface Signer {
  /** @throws OrreryError SIGNER_UNAVAILABLE */
  sign(payloadType: string, payload: Uint8Array): Promise<DsseEnvelope>;
  /** @throws OrreryError SIGNATURE_INVALID, SIGNER_UNAVAILABLE */
  verify(envelope: DsseEnvelope): Promise<DsseStatement>;
  /** The enrolled approver of a key id, or null. `publicKey` is a PEM of an Ed25519 key. */
  approver(keyId: string): Promise<{ readonly name: string; readonly publicKey: string } | null>;
}
