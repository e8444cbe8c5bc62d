import type { Client, ScheduleDescription, ScheduleSummary } from '@temporalio/client';
import { digestOf } from '../../core/canonical.ts';
import { OrreryError } from '../../core/errors.ts';
import { retrainId, scheduleId } from '../../core/ids.ts';
import { TASK_QUEUES } from '../../core/messages.ts';
import type { WorkflowType } from '../../core/messages.ts';
import type { RetrainRequest } from '../../core/release/retrain.ts';
import { askEngine } from '../engine-errors.ts';
import { TypedSearchAttributes } from '@temporalio/common';
import { MODEL_KEY } from './search-attributes.ts';

const WORKFLOW: WorkflowType = 'retrainModel';
/** Schedules of one answer; a model has one, so this is the number of models. */
const SCHEDULES_MAX = 1000;
/** Firings that an outage made the server miss are caught up when they are no older than this. */
const CATCHUP_WINDOW = '1 day';

/** When a schedule fires: exactly one of `cron` and `everySeconds`. */
export interface Timing {
  /** Five or six fields, or `@daily` and the like; times are in `timezone`. */
  readonly cron?: string;
  /** 60 or more. */
  readonly everySeconds?: number;
  /** IANA name, default UTC. */
  readonly timezone?: string;
  /** Each firing is delayed by a random part of this, so that models do not all start at once. Default 0. */
  readonly jitterSeconds?: number;
}

export interface ScheduleView {
  readonly scheduleId: string;
  readonly paused: boolean;
  readonly note: string | null;
  /** ISO 8601, soonest first. */
  readonly nextAt: readonly string[];
  /** Latest last. */
  readonly recent: readonly { readonly at: string; readonly workflowId: string }[];
}
export interface ScheduleDetails extends ScheduleView {
  readonly overlap: string;
  readonly catchupWindowSeconds: number;
  readonly fired: number;
  readonly skippedForOverlap: number;
  readonly missedCatchupWindow: number;
  readonly running: readonly string[];
  readonly request: unknown;
}

/**
 * Creates the schedule that retrains a model. A firing while the last retraining still runs is
 * skipped. Repeating the call with the same request and timing changes nothing.
 *
 * @throws OrreryError ALREADY_RUNNING when the model has another schedule; REQUEST_INVALID;
 *   ENGINE_UNREACHABLE
 */
export async function createSchedule(
  client: Client,
  request: RetrainRequest,
  timing: Timing,
): Promise<{ readonly scheduleId: string; readonly created: boolean }> {
  const { model } = request.lifecycle;
  const id = scheduleId({ model });
  const requestDigest = digestOf({ request, timing });
  const spec = specOf(timing);
  return askEngine(client, `create schedule ${id}`, async () => {
    try {
      await client.schedule.create({
        scheduleId: id,
        spec,
        action: {
          type: 'startWorkflow',
          workflowType: WORKFLOW,
          workflowId: retrainId({ model }),
          taskQueue: TASK_QUEUES.orchestrate,
          args: [request],
          typedSearchAttributes: new TypedSearchAttributes([{ key: MODEL_KEY, value: model }]),
        },
        policies: { overlap: 'SKIP', catchupWindow: CATCHUP_WINDOW },
        memo: { requestDigest },
        typedSearchAttributes: new TypedSearchAttributes([{ key: MODEL_KEY, value: model }]),
      });
      return { scheduleId: id, created: true };
    } catch (error) {
      const { name, message } = error as Error;
      // The SDK throws a TypeError for a spec that the server refuses: a cron expression, a zone.
      if (name === 'TypeError') throw new OrreryError('REQUEST_INVALID', refusal(id, message));
      if (name !== 'ScheduleAlreadyRunning') throw error;
      const { memo } = await client.schedule.getHandle(id).describe();
      if (memo?.['requestDigest'] === requestDigest) return { scheduleId: id, created: false };
      throw new OrreryError(
        'ALREADY_RUNNING',
        `Cannot create schedule ${id}: the model has another one, wanted none; delete it first`,
        { cause: error },
      );
    }
  });
}

/** @throws OrreryError ENGINE_UNREACHABLE */
export async function listSchedules(client: Client): Promise<readonly ScheduleView[]> {
  return askEngine(client, 'list the schedules', async () => {
    const schedules: ScheduleView[] = [];
    for await (const summary of client.schedule.list()) {
      if (schedules.length === SCHEDULES_MAX) break;
      if (summary.action?.workflowType === WORKFLOW) schedules.push(viewOf(summary));
    }
    return schedules;
  });
}

/** @throws OrreryError NOT_FOUND, ENGINE_UNREACHABLE */
export async function showSchedule(client: Client, model: string): Promise<ScheduleDetails> {
  const id = scheduleId({ model });
  const schedule = await askEngine(client, `show schedule ${id}`, () =>
    client.schedule.getHandle(id).describe(),
  );
  return {
    ...viewOf(schedule),
    overlap: String(schedule.policies.overlap),
    catchupWindowSeconds: schedule.policies.catchupWindow / 1000,
    fired: schedule.info.numActionsTaken,
    skippedForOverlap: schedule.info.numActionsSkippedOverlap,
    missedCatchupWindow: schedule.info.numActionsMissedCatchupWindow,
    running: schedule.info.runningActions.map(({ workflow }) => workflow.workflowId),
    request: (schedule.action.args as unknown[] | undefined)?.[0] ?? null,
  };
}

export const SCHEDULE_ORDERS = ['trigger', 'pause', 'unpause', 'delete'] as const;
export type ScheduleOrder = (typeof SCHEDULE_ORDERS)[number];

/** @throws OrreryError NOT_FOUND, ENGINE_UNREACHABLE */
export async function orderSchedule(
  client: Client,
  model: string,
  order: ScheduleOrder,
  note: string,
): Promise<{ readonly scheduleId: string; readonly done: ScheduleOrder }> {
  const id = scheduleId({ model });
  const handle = client.schedule.getHandle(id);
  await askEngine(client, `${order} schedule ${id}`, async () => {
    switch (order) {
      case 'trigger':
        return handle.trigger();
      case 'pause':
        return handle.pause(note || 'Paused via Orrery');
      case 'unpause':
        return handle.unpause(note || 'Unpaused via Orrery');
      case 'delete':
        return handle.delete();
    }
  });
  return { scheduleId: id, done: order };
}

/**
 * Fires for every time in the range that the schedule would have fired. Firings are queued one
 * after the other, because retrainings of one model would fight for its release.
 *
 * @param range ISO 8601 with a time zone, `from` before `to`
 * @throws OrreryError REQUEST_INVALID, NOT_FOUND, ENGINE_UNREACHABLE
 */
export async function backfillSchedule(
  client: Client,
  model: string,
  range: { readonly from: string; readonly to: string },
): Promise<{ readonly scheduleId: string; readonly done: 'backfill' }> {
  const id = scheduleId({ model });
  const [start, end] = [new Date(range.from), new Date(range.to)];
  if (!(start < end)) {
    throw new OrreryError(
      'REQUEST_INVALID',
      `Cannot backfill ${id} from "${range.from}" to "${range.to}": wanted two ISO 8601 times, the first before the second`,
    );
  }
  await askEngine(client, `backfill schedule ${id}`, () =>
    client.schedule.getHandle(id).backfill({ start, end, overlap: 'BUFFER_ALL' }),
  );
  return { scheduleId: id, done: 'backfill' };
}

/** @throws OrreryError REQUEST_INVALID */
export function specOf({ cron, everySeconds, timezone, jitterSeconds }: Timing) {
  if ((cron === undefined) === (everySeconds === undefined)) {
    throw new OrreryError(
      'REQUEST_INVALID',
      'Cannot create a schedule: it has both or neither of cron and everySeconds, wanted one of them',
    );
  }
  return {
    ...(cron === undefined ? {} : { cronExpressions: [cron] }),
    ...(everySeconds === undefined ? {} : { intervals: [{ every: everySeconds * 1000 }] }),
    ...(timezone === undefined ? {} : { timezone }),
    ...(jitterSeconds === undefined ? {} : { jitter: jitterSeconds * 1000 }),
  };
}

function refusal(id: string, told: string): string {
  return `Cannot create schedule ${id}: the server refuses its times (${told}), wanted a cron expression of 5–7 fields or an interval, and an IANA time zone`;
}

function viewOf({
  scheduleId: id,
  state,
  info,
}: Pick<ScheduleSummary | ScheduleDescription, 'scheduleId' | 'state' | 'info'>): ScheduleView {
  return {
    scheduleId: id,
    paused: state.paused,
    note: state.note ?? null,
    nextAt: info.nextActionTimes.map((time) => time.toISOString()),
    recent: info.recentActions.map(({ takenAt, action }) => ({
      at: takenAt.toISOString(),
      workflowId: action.workflow.workflowId,
    })),
  };
}
