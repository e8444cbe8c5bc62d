import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { SignedApproval } from '../../core/evidence/approval.ts';
import { UPDATES } from '../../core/messages.ts';
import type { OrderAnswer } from '../../core/messages.ts';
import { approvalOf, createScene, failureOf, KEYS, STRANGER_KEY } from '../support/life.ts';
import type { Life } from '../support/life.ts';
import { startWorkflowEngine } from '../support/workflow-engine.ts';
import type { WorkflowEngine } from '../support/workflow-engine.ts';

let engine: WorkflowEngine;
beforeAll(async () => {
  engine = await startWorkflowEngine('time-skipping');
}, 60_000);
afterAll(() => engine.close());

function send(life: Life, approval: unknown): Promise<OrderAnswer> {
  return life.handle.executeUpdate<OrderAnswer, [unknown]>(UPDATES.approve, { args: [approval] });
}

describe('An approval', () => {
  test('is refused for anything but this run, these digests and this question', async () => {
    const life = await createScene(engine).start('v1');
    const wanted = await life.question();
    const other = 'f'.repeat(64);
    const refused = async (changes: Partial<SignedApproval['statement']>) =>
      failureOf(send(life, approvalOf(wanted, { statement: changes })));

    expect(await refused({ modelSha256: other })).toMatchObject({
      code: 'APPROVAL_MISMATCH',
      message: expect.stringContaining('modelSha256'),
    });
    expect((await refused({ reportSha256: other })).code).toBe('APPROVAL_MISMATCH');
    expect((await refused({ nonce: 'an-old-one' })).code).toBe('APPROVAL_MISMATCH');
    expect((await refused({ workflowId: 'lifecycle/other/v1' })).code).toBe('APPROVAL_MISMATCH');
    expect((await failureOf(send(life, { by: 'grace' }))).code).toBe('APPROVAL_MALFORMED');
    expect((await failureOf(send(life, null))).code).toBe('APPROVAL_MALFORMED');
    // None of them has answered the question, and none is in history.
    expect(await life.question()).toEqual(wanted);
    const { events } = await life.handle.fetchHistory();
    const accepted = (events ?? []).filter(
      (event) => event.workflowExecutionUpdateAcceptedEventAttributes,
    );
    expect(accepted).toEqual([]);
    await life.handle.terminate('the test is over');
  });

  test('is refused from the author, from a stranger and with a broken signature', async () => {
    const life = await createScene(engine).start('v1');
    const wanted = await life.question();
    const byAuthor = approvalOf(wanted, { key: KEYS.ada });
    const byStranger = approvalOf(wanted, { key: STRANGER_KEY });
    const good = approvalOf(wanted);
    const tampered = { ...good, statement: { ...good.statement, reason: 'another reason' } };

    expect(await failureOf(send(life, byAuthor))).toMatchObject({
      code: 'APPROVER_IS_AUTHOR',
      message: expect.stringContaining('ada'),
    });
    expect((await failureOf(send(life, byStranger))).code).toBe('APPROVER_UNKNOWN');
    expect((await failureOf(send(life, tampered))).code).toBe('SIGNATURE_INVALID');
    expect(await life.question()).toEqual(wanted);
    await life.handle.terminate('the test is over');
  });

  test('is refused before it is asked for and after it was given', async () => {
    const scene = createScene(engine);
    const training = scene.hold.at('compute.read');
    const life = await scene.start('v1', { release: { bakeSeconds: 0 } });
    await training.reached;
    const early = approvalOf({
      workflowId: life.ids.lifecycle,
      modelSha256: '0'.repeat(64),
      reportSha256: '0'.repeat(64),
      nonce: 'none',
      deadlineAt: '2026-01-01T00:00:00Z',
    });
    expect((await failureOf(send(life, early))).code).toBe('APPROVAL_NOT_WANTED');
    training.release();

    const releasing = scene.hold.at('serving.deploy');
    const approval = approvalOf(await life.question());
    expect(await send(life, approval)).toEqual({ accepted: true, effect: 'the release begins' });
    await releasing.reached;
    expect((await failureOf(send(life, approval))).code).toBe('APPROVAL_NOT_WANTED');
    releasing.release();
    expect((await life.result()).outcome).toBe('released');
  });

  test('that rejects ends the life as rejected, with the reason and the name', async () => {
    const scene = createScene(engine);
    const life = await scene.start('v1');
    const answer = await life.approve({
      statement: { decision: 'reject', reason: 'too few rows' },
    });
    expect(answer.effect).toBe('the run ends as rejected');
    const result = await life.result();
    expect(result).toMatchObject({ outcome: 'rejected', rollouts: [] });
    expect(result.reason).toContain('grace: too few rows');
    expect(scene.world.journal.of('endpoint.started')).toEqual([]);
  });

  test('that never comes ends the life as expired at its deadline', async () => {
    const life = await createScene(engine).start('v1', { deadlineHours: 48 });
    const { deadlineAt } = await life.question();
    const { code, message } = await life.failure();
    expect(code).toBe('APPROVAL_EXPIRED');
    expect(message).toContain('48 h');
    const { closeTime } = await life.handle.describe();
    expect(closeTime?.getTime()).toBeGreaterThanOrEqual(Date.parse(deadlineAt));
  });
});
