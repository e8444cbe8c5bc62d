import type { BackendChoice } from '../core/backend.ts';
import { backendFor } from '../core/backend.ts';
import { canonicalJson } from '../core/canonical.ts';
import { OrreryError } from '../core/errors.ts';
import type { SignedApproval } from '../core/evidence/approval.ts';
import { IN_TOTO_PAYLOAD_TYPE, releaseStatement } from '../core/evidence/dsse.ts';
import type { ArtifactRef } from '../core/ports/artifacts.ts';
import { verifyApproval } from '../kernels/evidence/approval.ts';
import type { Deps } from './deps.ts';
import { portOf } from './deps.ts';

export interface VerifyApprovalInput {
  readonly backends: BackendChoice;
  readonly approval: SignedApproval;
  /** Who made the version, and so cannot approve it. */
  readonly author: string;
}

export function createEvidenceActivities(deps: Deps) {
  return {
    /** Signs the digest of the model file together with that of its report. */
    async signModel(input: {
      backends: BackendChoice;
      facts: Parameters<typeof releaseStatement>[0];
    }): Promise<ArtifactRef> {
      const signer = await portOf(deps, backendFor(input.backends, 'signer'), 'signer');
      const artifacts = await portOf(deps, backendFor(input.backends, 'artifacts'), 'artifacts');
      const payload = new TextEncoder().encode(canonicalJson(releaseStatement(input.facts)));
      const envelope = await signer.sign(IN_TOTO_PAYLOAD_TYPE, payload);
      return artifacts.put(new TextEncoder().encode(canonicalJson(envelope)));
    },
    /** @throws APPROVER_UNKNOWN, SIGNATURE_INVALID, APPROVER_IS_AUTHOR, SIGNER_UNAVAILABLE */
    async checkApprovalSignature(input: VerifyApprovalInput): Promise<{ approver: string }> {
      const signer = await portOf(deps, backendFor(input.backends, 'signer'), 'signer');
      const { keyId } = input.approval;
      const approver = await signer.approver(keyId);
      if (approver === null) {
        throw new OrreryError(
          'APPROVER_UNKNOWN',
          `Cannot take the approval: no approver is enrolled under key ${keyId.slice(0, 12)}`,
        );
      }
      if (!verifyApproval(approver.publicKey, input.approval)) {
        throw new OrreryError(
          'SIGNATURE_INVALID',
          `Cannot take the approval: its signature is not that of ${approver.name}`,
        );
      }
      if (approver.name === input.author) {
        throw new OrreryError(
          'APPROVER_IS_AUTHOR',
          `Cannot take the approval: ${approver.name} made this version, wanted another approver`,
        );
      }
      return { approver: approver.name };
    },
  };
}
