import { canonicalJson, digestOf } from '../canonical.ts';
import type { ErrorCode } from '../errors.ts';

/** What an approver signs: exactly one run, one model file, one report, one question. */
export interface ApprovalStatement {
  readonly workflowId: string;
  readonly modelSha256: string;
  readonly reportSha256: string;
  /** The nonce that the waiting run shows; it makes an old approval useless. */
  readonly nonce: string;
  readonly decision: 'approve' | 'reject';
  readonly reason: string;
}

/** A statement with an Ed25519 signature (RFC 8032) over its canonical JSON (RFC 8785). */
export interface SignedApproval {
  readonly statement: ApprovalStatement;
  /** SHA-256 of the approver's public key in DER (SubjectPublicKeyInfo), 64 hexadecimal digits. */
  readonly keyId: string;
  /** base64 of 64 bytes */
  readonly signature: string;
}

/** What a run waits for, as its status shows it. */
export interface ApprovalWanted {
  readonly workflowId: string;
  readonly modelSha256: string;
  readonly reportSha256: string;
  readonly nonce: string;
  /** ISO 8601 */
  readonly deadlineAt: string;
}

/**
 * The nonce of a run's question: another run, also of the same version, asks with another one, so an
 * old approval answers nothing. It is derived and not drawn: the random numbers of a workflow are
 * shared with interceptors, which draw otherwise during a replay, and a question that changed after
 * a crash would lose the approval that is under way. It need not be secret, since it is signed.
 */
export function approvalNonce(question: {
  readonly runId: string;
  readonly modelSha256: string;
  readonly reportSha256: string;
}): string {
  return digestOf(['approval', question]).slice(0, 32);
}

/** The text that is signed. */
export function approvalText(statement: ApprovalStatement): string {
  return canonicalJson(statement);
}

/**
 * Whether an approval answers what is asked, before its signature is looked at. Synchronous, so
 * that an Update's validator can call it and a wrong approval never enters history.
 */
export function checkApproval(
  approval: unknown,
  wanted: ApprovalWanted | null,
): { readonly code: ErrorCode; readonly message: string } | null {
  if (!isSignedApproval(approval)) {
    return {
      code: 'APPROVAL_MALFORMED',
      message:
        'Cannot take the approval: it is not {statement, keyId, signature} with every member of the statement',
    };
  }
  if (wanted === null) {
    return {
      code: 'APPROVAL_NOT_WANTED',
      message: 'Cannot take the approval: the run does not wait for one',
    };
  }
  for (const member of ['workflowId', 'modelSha256', 'reportSha256', 'nonce'] as const) {
    if (approval.statement[member] !== wanted[member]) {
      return {
        code: 'APPROVAL_MISMATCH',
        message: `Cannot take the approval: its ${member} is "${approval.statement[member]}", the run waits for "${wanted[member]}"`,
      };
    }
  }
  return null;
}

function isSignedApproval(value: unknown): value is SignedApproval {
  if (typeof value !== 'object' || value === null) return false;
  const { statement, keyId, signature } = value as Record<string, unknown>;
  if (typeof keyId !== 'string' || typeof signature !== 'string') return false;
  if (typeof statement !== 'object' || statement === null) return false;
  const members = statement as Record<string, unknown>;
  const strings = ['workflowId', 'modelSha256', 'reportSha256', 'nonce', 'reason'];
  return (
    strings.every((member) => typeof members[member] === 'string') &&
    (members['decision'] === 'approve' || members['decision'] === 'reject')
  );
}
