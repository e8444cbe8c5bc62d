import type { Client } from '@temporalio/client';
import { digestOf } from '../../core/canonical.ts';
import { OrreryError } from '../../core/errors.ts';
import type {
  ApprovalStatement,
  ApprovalWanted,
  SignedApproval,
} from '../../core/evidence/approval.ts';
import { lifecycleId } from '../../core/ids.ts';
import type { LifecycleId } from '../../core/ids.ts';
import type { LifecycleState } from '../../core/lifecycle/state.ts';
import { QUERIES, UPDATES } from '../../core/messages.ts';
import type { OrderAnswer } from '../../core/messages.ts';
import { askEngine, ORDER_MS_MAX } from '../engine-errors.ts';

export type Signer = (privateKeyPem: string, statement: ApprovalStatement) => SignedApproval;

export interface ApprovalDecision {
  /** Ed25519, PKCS #8 PEM. It stays in this process: only the signature is sent. */
  readonly privateKeyPem: string;
  readonly decision: ApprovalStatement['decision'];
  readonly reason: string;
}

/**
 * Signs exactly what the run waits for, and sends it.
 *
 * @throws OrreryError APPROVAL_NOT_WANTED, SETTINGS_INVALID for a key of another kind, and what
 *   `approveSigned` throws
 */
export async function approveLifecycle(
  client: Client,
  id: LifecycleId,
  { privateKeyPem, decision, reason }: ApprovalDecision,
  sign: Signer,
): Promise<OrderAnswer> {
  const wanted = await approvalWanted(client, id);
  return approveSigned(client, id, sign(privateKeyPem, statementFor(wanted, decision, reason)));
}

export function statementFor(
  { workflowId, modelSha256, reportSha256, nonce }: ApprovalWanted,
  decision: ApprovalStatement['decision'],
  reason: string,
): ApprovalStatement {
  return { workflowId, modelSha256, reportSha256, nonce, decision, reason };
}

/**
 * Sends an approval that was signed elsewhere. The id of the Update is derived from it, so a
 * repeated send is answered with the first answer.
 *
 * @throws OrreryError APPROVAL_MALFORMED, APPROVAL_MISMATCH, APPROVAL_NOT_WANTED, APPROVER_UNKNOWN,
 *   APPROVER_IS_AUTHOR, SIGNATURE_INVALID, NOT_FOUND, ENGINE_UNREACHABLE
 */
export async function approveSigned(
  client: Client,
  id: LifecycleId,
  approval: SignedApproval,
): Promise<OrderAnswer> {
  const workflowId = lifecycleId(id);
  return askEngine(
    client,
    `approve ${workflowId}`,
    () =>
      client.workflow
        .getHandle(workflowId)
        .executeUpdate<OrderAnswer, [SignedApproval]>(UPDATES.approve, {
          args: [approval],
          updateId: `approve-${digestOf(approval)}`,
        }),
    ORDER_MS_MAX,
  );
}

async function approvalWanted(client: Client, id: LifecycleId): Promise<ApprovalWanted> {
  const workflowId = lifecycleId(id);
  const state = await askEngine(client, `read what ${workflowId} waits for`, () =>
    client.workflow.getHandle(workflowId).query<LifecycleState>(QUERIES.status),
  );
  if (state.approval !== null) return state.approval;
  throw new OrreryError(
    'APPROVAL_NOT_WANTED',
    `Cannot approve ${workflowId}: it is in stage ${state.stage} and waits for no approval`,
  );
}
