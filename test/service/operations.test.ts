import { describe, expect, it } from '@jest/globals';
import { ApplicationFailure, WorkflowNotFoundError } from '@temporalio/common';
import { ServiceError, WorkflowFailedError } from '@temporalio/client';
import { generateApproverKey } from '../../kernels/evidence/keys.ts';
import { signApproval, verifyApproval } from '../../kernels/evidence/approval.ts';
import type { SignedApproval } from '../../core/evidence/approval.ts';
import { parseLifecycleRequest } from '../../schemas/lifecycle.ts';
import { engineError } from '../../service/engine-errors.ts';
import { approveLifecycle } from '../../service/operations/approve-lifecycle.ts';
import { historyLines } from '../../service/operations/history.ts';
import { visibilityQuery } from '../../service/operations/list-lifecycles.ts';
import { specOf } from '../../service/operations/schedules.ts';
import { planAttributes } from '../../service/operations/setup-engine.ts';
import { startLifecycle } from '../../service/operations/start-lifecycle.ts';
import { engineDouble } from './engine-double.ts';
import { requestJson } from './requests.ts';

const grpc = (code: number, details: string) =>
  new ServiceError('Failed', { cause: Object.assign(new Error(details), { code, details }) });

describe('engineError', () => {
  it.each([
    [new WorkflowNotFoundError('not found', 'w', undefined), 'NOT_FOUND'],
    [
      new WorkflowNotFoundError('workflow execution already completed', 'w', undefined),
      'ORDER_REFUSED',
    ],
    [grpc(14, 'connection refused'), 'ENGINE_UNREACHABLE'],
    [grpc(4, 'deadline'), 'ENGINE_UNREACHABLE'],
    [grpc(9, 'no poller seen'), 'ENGINE_UNREACHABLE'],
    [grpc(3, 'no mapping defined for search attribute OrreryModel'), 'SETTINGS_INVALID'],
    [grpc(3, 'invalid cron'), 'REQUEST_INVALID'],
    [grpc(16, 'who are you'), 'FORBIDDEN'],
    [new TypeError('a bug'), 'INTERNAL'],
  ])('turns %s into %s', (error, code) => {
    expect(engineError(error, 'do it')).toMatchObject({ code, cause: error });
  });

  it('takes the code of the failure that ended a run', () => {
    const cause = ApplicationFailure.create({ type: 'DATA_CONTRACT_BROKEN', message: 'Cannot …' });
    const failed = new WorkflowFailedError('failed', cause, 'RETRY_POLICY_NOT_SET');
    expect(engineError(failed, 'finish')).toMatchObject({
      code: 'DATA_CONTRACT_BROKEN',
      message: 'Cannot …',
    });
  });
});

describe('visibilityQuery', () => {
  it('joins what is asked for', () => {
    expect(visibilityQuery({ model: 'fraud', stage: 'approve', needsDecision: true })).toBe(
      "WorkflowType = 'runLifecycle' AND OrreryModel = 'fraud' AND OrreryStage = 'approve' AND OrreryNeedsDecision = true",
    );
  });
  it.each([{ model: "x' OR 1=1" }, { stage: 'nowhere' as never }, { limit: 0 }, { limit: 1001 }])(
    'refuses %j',
    (filter) => {
      expect(() => visibilityQuery(filter)).toThrow(
        expect.objectContaining({ code: 'REQUEST_INVALID' }),
      );
    },
  );
});

describe('approveLifecycle', () => {
  it('signs exactly what the run waits for, and only the signature leaves', async () => {
    const { client, writes } = engineDouble();
    await startLifecycle(client, parseLifecycleRequest(requestJson()));
    const { privateKey, publicKey } = generateApproverKey();
    const id = { model: 'fraud', version: 'v1' };
    const decision = { privateKeyPem: privateKey, decision: 'approve', reason: 'good' } as const;
    await approveLifecycle(client, id, decision, signApproval);
    const sent = writes.at(-1)?.value as SignedApproval;
    expect(verifyApproval(publicKey, sent)).toBe(true);
    expect(sent.statement).toMatchObject({ nonce: 'n-1', decision: 'approve', reason: 'good' });
    expect(JSON.stringify(writes)).not.toContain('PRIVATE');
  });
});

describe('historyLines', () => {
  it('carries the name of an activity to its later events and tells the innermost failure', () => {
    const lines = historyLines([
      {
        eventId: 5,
        eventTime: { seconds: 1, nanos: 500_000_000 },
        activityTaskScheduledEventAttributes: { activityType: { name: 'startJob' } },
      } as never,
      {
        eventId: 6,
        activityTaskStartedEventAttributes: { scheduledEventId: 5, attempt: 2 },
      } as never,
      {
        eventId: 7,
        activityTaskFailedEventAttributes: {
          scheduledEventId: 5,
          failure: {
            message: 'outer',
            cause: { message: 'full', applicationFailureInfo: { type: 'DISK_FULL' } },
          },
        },
      } as never,
    ]);
    expect(lines.map(({ event, name, attempt }) => [event, name, attempt])).toEqual([
      ['ActivityTaskScheduled', 'startJob', null],
      ['ActivityTaskStarted', 'startJob', 2],
      ['ActivityTaskFailed', 'startJob', null],
    ]);
    expect(lines[0]?.at).toBe('1970-01-01T00:00:01.500Z');
    expect(lines[2]?.failure).toBe('DISK_FULL: full');
  });
});

describe('planAttributes', () => {
  it('adds what is missing and keeps what is there', () => {
    const plan = planAttributes({ OrreryModel: 2, Foreign: 1 });
    expect(plan.present).toEqual(['OrreryModel']);
    expect(plan.missing).toMatchObject({ OrreryCostUsd: 4, OrreryNeedsDecision: 5 });
  });
  it('refuses an attribute of another type', () => {
    expect(() => planAttributes({ OrreryModel: 1 })).toThrow('wanted Keyword');
  });
});

describe('specOf', () => {
  it('takes one of cron and interval', () => {
    expect(specOf({ everySeconds: 60, jitterSeconds: 5 })).toEqual({
      intervals: [{ every: 60_000 }],
      jitter: 5000,
    });
    expect(() => specOf({})).toThrow('wanted one of them');
    expect(() => specOf({ cron: '* * * * *', everySeconds: 60 })).toThrow('wanted one of them');
  });
});
