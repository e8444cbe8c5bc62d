import { sha256Hex } from '../../core/canonical.ts';
import type { Signer } from '../../core/ports/signer.ts';
import { ed25519KeyId } from '../../kernels/evidence/approval.ts';
import { signEnvelope, verifyEnvelope } from '../../kernels/evidence/dsse.ts';
import { generateSignerKey } from '../../kernels/evidence/keys.ts';
import type { Journal } from './journal.ts';
import type { FullScript } from './settings.ts';

/** Real signatures with the world's key; only the enrolment of approvers is scripted. */
export function createSigner(script: FullScript, journal: Journal): Signer {
  const key = script.signerKey ?? generateSignerKey();
  const approvers = new Map(
    script.approvers.map((approver) => [ed25519KeyId(approver.publicKey), approver]),
  );
  return {
    sign: async (payloadType, payload) => {
      journal.add({ what: 'statement.signed', payloadSha256: sha256Hex(payload) });
      return signEnvelope(key.privateKey, payloadType, payload);
    },
    verify: async (envelope) => verifyEnvelope(key.publicKey, envelope),
    approver: async (keyId) => approvers.get(keyId) ?? null,
  };
}
