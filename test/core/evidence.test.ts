import { describe, expect, it } from '@jest/globals';
import { approvalText, checkApproval } from '../../core/evidence/approval.ts';
import type { ApprovalStatement, ApprovalWanted } from '../../core/evidence/approval.ts';
import {
  IN_TOTO_STATEMENT_TYPE,
  preAuthEncoding,
  RELEASE_PREDICATE_TYPE,
  releaseStatement,
} from '../../core/evidence/dsse.ts';

const WANTED: ApprovalWanted = {
  workflowId: 'lifecycle/fraud/v7',
  modelSha256: 'a'.repeat(64),
  reportSha256: 'b'.repeat(64),
  nonce: 'n-1',
  deadlineAt: '2026-11-25T00:00:00Z',
};
const { deadlineAt: _, ...ASKED } = WANTED;
const STATEMENT: ApprovalStatement = { ...ASKED, decision: 'approve', reason: '' };
const SIGNED = { statement: STATEMENT, keyId: 'k', signature: 's' };

describe('checkApproval', () => {
  it.each(['approve', 'reject'] as const)('takes a decision to %s of what is asked', (decision) => {
    expect(checkApproval({ ...SIGNED, statement: { ...STATEMENT, decision } }, WANTED)).toBeNull();
  });

  it.each(['workflowId', 'modelSha256', 'reportSha256', 'nonce'] as const)(
    'refuses another %s and names both',
    (member) => {
      const statement = { ...STATEMENT, [member]: 'other' };
      const problem = checkApproval({ ...SIGNED, statement }, WANTED);
      expect(problem?.code).toBe('APPROVAL_MISMATCH');
      expect(problem?.message).toContain(`its ${member} is "other"`);
      expect(problem?.message).toContain(`waits for "${WANTED[member]}"`);
    },
  );

  it('refuses any approval while none is wanted', () => {
    expect(checkApproval(SIGNED, null)?.code).toBe('APPROVAL_NOT_WANTED');
  });

  it.each([
    undefined,
    null,
    'text',
    {},
    { ...SIGNED, keyId: 1 },
    { ...SIGNED, signature: null },
    { ...SIGNED, statement: null },
    { ...SIGNED, statement: 'text' },
    { ...SIGNED, statement: { ...STATEMENT, decision: 'maybe' } },
    ...Object.keys(STATEMENT).map((member) => ({
      ...SIGNED,
      statement: { ...STATEMENT, [member]: undefined },
    })),
  ])('calls %j malformed', (value) => {
    expect(checkApproval(value, WANTED)?.code).toBe('APPROVAL_MALFORMED');
    expect(checkApproval(value, null)?.code).toBe('APPROVAL_MALFORMED');
  });
});

it('approvalText is the same for the same statement in another order', () => {
  const reversed = Object.fromEntries(Object.entries(STATEMENT).toReversed());
  expect(approvalText(reversed as unknown as ApprovalStatement)).toBe(approvalText(STATEMENT));
});

describe('preAuthEncoding', () => {
  const text = (type: string, payload: string): string =>
    Buffer.from(preAuthEncoding(type, Buffer.from(payload))).toString();

  it('counts bytes and not characters', () => {
    expect(text('é', 'ü1')).toBe('DSSEv1 2 é 3 ü1');
    expect(text('', '')).toBe('DSSEv1 0  0 ');
  });

  it('never gives the same bytes for another cut between type and payload', () => {
    expect(text('a', 'b c')).not.toBe(text('a b', 'c'));
  });
});

it('releaseStatement names the model file as subject and everything else as predicate', () => {
  const facts = {
    model: 'fraud',
    version: 'v7',
    author: 'ada',
    workflowId: 'lifecycle/fraud/v7',
    reportSha256: 'b'.repeat(64),
    dataSha256: 'c'.repeat(64),
  };
  expect(releaseStatement({ ...facts, modelSha256: 'a'.repeat(64) })).toEqual({
    _type: IN_TOTO_STATEMENT_TYPE,
    subject: [{ name: 'model.onnx', digest: { sha256: 'a'.repeat(64) } }],
    predicateType: RELEASE_PREDICATE_TYPE,
    predicate: facts,
  });
});
