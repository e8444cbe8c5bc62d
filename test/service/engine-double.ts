import { ApplicationFailure, WorkflowNotFoundError } from '@temporalio/common';
import {
  ScheduleAlreadyRunning,
  ScheduleNotFoundError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowFailedError,
  WorkflowUpdateFailedError,
} from '@temporalio/client';
import type { Client } from '@temporalio/client';
import { TypedSearchAttributes } from '@temporalio/common';
import { checkApproval } from '../../core/evidence/approval.ts';
import type { ApprovalWanted } from '../../core/evidence/approval.ts';
import { OrreryError } from '../../core/errors.ts';
import type { LifecycleState } from '../../core/lifecycle/state.ts';
import type { BackendOrder, OperateRequest } from '../../core/operations/order.ts';

/**
 * A Temporal client over runs in memory, as far as the service uses one. It behaves as the server
 * and the workflows promise: a second start under an id throws; a run waits for one approval and
 * refuses others by the rule of core; an order to a backend is carried out by `carryOut`; `pause`,
 * `resume` and `rollback` are accepted unless the reason is `refuse`; a cron expression of one word is
 * refused as the SDK does; what does not exist throws the SDK's own error; `down` makes every call
 * fail as gRPC does when no server listens.
 */
export interface EngineDouble {
  readonly client: Client;
  /** Every write, in order. */
  readonly writes: readonly { readonly what: string; readonly value: unknown }[];
  down: boolean;
  /** How a worker answers an order to a backend; an OrreryError fails it by its code. */
  carryOut: (order: BackendOrder) => unknown;
  /** Workflow id → Temporal's status of its newest run, for runs that were not started here. */
  readonly statuses: Map<string, string>;
}

const SHA = 'a'.repeat(64);
export function approvalWantedBy(workflowId: string): ApprovalWanted {
  return {
    workflowId,
    modelSha256: SHA,
    reportSha256: 'b'.repeat(64),
    nonce: 'n-1',
    deadlineAt: '2026-12-01T00:00:00.000Z',
  };
}

export function stateOf(workflowId: string): LifecycleState {
  const [, model = '', version = ''] = workflowId.split('/');
  return {
    model,
    version,
    stage: 'approve',
    paused: false,
    gates: [{ stage: 'data', passed: true, reason: '10,000 rows' }],
    cost: { usd: 0.5, usdMax: null, lines: [] },
    approval: approvalWantedBy(workflowId),
    region: null,
    rollouts: [],
    outcome: null,
    reason: '',
  };
}

const unavailable = () =>
  Object.assign(new Error('14 UNAVAILABLE: connection refused'), {
    code: 14,
    details: 'connection refused',
  });

export function engineDouble(): EngineDouble {
  const runs = new Map<string, { memo: Record<string, unknown> }>();
  const schedules = new Map<string, { memo: Record<string, unknown> }>();
  const writes: { what: string; value: unknown }[] = [];
  const statuses = new Map<string, string>();
  const carryOut = ({ kind }: BackendOrder): unknown => {
    throw new OrreryError('INTERNAL', `nobody carries out ${kind}`);
  };
  const double = { down: false, writes, statuses, carryOut } as unknown as {
    -readonly [Member in keyof EngineDouble]: EngineDouble[Member];
  };
  const reach = () => {
    if (double.down) throw unavailable();
  };
  const note = (what: string, value: unknown) => void writes.push({ what, value });

  const handleOf = (workflowId: string) => {
    const known = () => {
      reach();
      const run = runs.get(workflowId);
      if (run === undefined) throw new WorkflowNotFoundError('not found', workflowId, undefined);
      return run;
    };
    return {
      describe: async () => {
        const status = statuses.get(workflowId);
        if (status === undefined) return description(workflowId, known().memo);
        const memo = runs.get(workflowId)?.memo ?? {};
        return { ...description(workflowId, memo), status: { name: status } };
      },
      result: async () => (reach(), { done: true }),
      query: async () => (known(), stateOf(workflowId)),
      fetchHistory: async () => (known(), { events: [] }),
      cancel: async () => (known(), note('cancel', workflowId)),
      signal: async (name: string, value: unknown) => (known(), note(name, value)),
      executeUpdate: async (name: string, { args: [value] }: { args: [unknown] }) => {
        known();
        const refusal =
          name === 'approve' ? checkApproval(value, approvalWantedBy(workflowId)) : null;
        if (refusal !== null) throw updateFailure(refusal.code, refusal.message);
        if ((value as { reason?: string }).reason === 'refuse') {
          throw updateFailure('ORDER_REFUSED', 'Cannot do that: the run is in another stage');
        }
        note(name, value);
        return { accepted: true, effect: `${name} done` };
      },
    };
  };

  const scheduleHandle = (scheduleId: string) => {
    const known = () => {
      reach();
      const schedule = schedules.get(scheduleId);
      if (schedule === undefined) throw new ScheduleNotFoundError('not found', scheduleId);
      return schedule;
    };
    const order = (what: string) => async () => (known(), note(`schedule ${what}`, scheduleId));
    return {
      describe: async () => scheduleDescription(scheduleId, known().memo),
      trigger: order('trigger'),
      pause: order('pause'),
      unpause: order('unpause'),
      backfill: order('backfill'),
      delete: async () => {
        known();
        schedules.delete(scheduleId);
        note('schedule delete', scheduleId);
      },
    };
  };

  double.client = {
    options: { namespace: 'default' },
    withDeadline: (_at: number, calls: () => Promise<unknown>) => calls(),
    workflowService: { getSystemInfo: async () => (reach(), {}) },
    workflow: {
      start: async (
        type: string,
        options: { workflowId: string; memo: Record<string, unknown> },
      ) => {
        reach();
        const { workflowId, memo } = options;
        if (runs.has(workflowId)) {
          throw new WorkflowExecutionAlreadyStartedError('already started', workflowId, type);
        }
        runs.set(workflowId, { memo });
        note('start', options);
        return { firstExecutionRunId: 'run-1' };
      },
      execute: async (_type: string, { args: [request] }: { args: [OperateRequest] }) => {
        reach();
        note('order', request.order);
        try {
          return double.carryOut(request.order);
        } catch (error) {
          const { code, message } = error as OrreryError;
          const cause = ApplicationFailure.create({ type: code, message, nonRetryable: true });
          throw new WorkflowFailedError(
            'Workflow execution failed',
            cause,
            'NON_RETRYABLE_FAILURE',
          );
        }
      },
      list: async function* () {
        reach();
        for (const [workflowId, { memo }] of runs) yield description(workflowId, memo);
      },
      getHandle: handleOf,
    },
    schedule: {
      create: async (options: {
        scheduleId: string;
        memo: Record<string, unknown>;
        spec: { cronExpressions?: string[] };
      }) => {
        reach();
        if (options.spec.cronExpressions?.[0]?.split(' ').length === 1) {
          throw new TypeError('CronString does not have 5-7 fields');
        }
        if (schedules.has(options.scheduleId)) {
          throw new ScheduleAlreadyRunning('exists', options.scheduleId);
        }
        schedules.set(options.scheduleId, { memo: options.memo });
        note('schedule create', options);
      },
      list: async function* () {
        reach();
        for (const [scheduleId, { memo }] of schedules) yield scheduleDescription(scheduleId, memo);
      },
      getHandle: scheduleHandle,
    },
  } as unknown as Client;
  return double;
}

function updateFailure(type: string, message: string): WorkflowUpdateFailedError {
  const cause = ApplicationFailure.create({ type, message, nonRetryable: true });
  return new WorkflowUpdateFailedError('Workflow Update failed', cause);
}

function description(workflowId: string, memo: Record<string, unknown>) {
  return {
    workflowId,
    runId: 'run-1',
    memo,
    status: { name: 'RUNNING', code: 1 },
    startTime: new Date(0),
    typedSearchAttributes: new TypedSearchAttributes(),
    raw: {
      pendingChildren: [],
      pendingActivities: [{ activityType: { name: 'superviseJob' }, attempt: 1 }],
    },
  };
}

function scheduleDescription(scheduleId: string, memo: Record<string, unknown>) {
  return {
    scheduleId,
    memo,
    action: { type: 'startWorkflow', workflowType: 'retrainModel', args: [{}] },
    policies: { overlap: 'SKIP', catchupWindow: 86_400_000, pauseOnFailure: false },
    state: { paused: false },
    info: {
      recentActions: [],
      nextActionTimes: [new Date(0)],
      numActionsTaken: 0,
      numActionsSkippedOverlap: 0,
      numActionsMissedCatchupWindow: 0,
      runningActions: [],
    },
  };
}
