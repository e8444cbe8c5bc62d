import type { WorkflowHandle } from '@temporalio/client';

/** A workflow history as protobuf, the way `fetchHistory` answers. */
export type History = Awaited<ReturnType<WorkflowHandle['fetchHistory']>>;
type HistoryEvent = NonNullable<History['events']>[number];

/**
 * What Temporal bills, by kind. Names and prices follow "Temporal Cloud Actions"
 * (docs.temporal.io/evaluate/cloud/actions).
 */
export const ACTION_KINDS = [
  'start',
  'child',
  'schedule',
  'activity',
  'activityRetry',
  'localActivities',
  'timer',
  'signal',
  'update',
  'upsert',
  'options',
  'nexus',
  'reset',
  'heartbeat',
] as const;
export type ActionKind = (typeof ACTION_KINDS)[number];

export interface ActionCount {
  readonly total: number;
  readonly byKind: Readonly<Record<ActionKind, number>>;
  /** Events in the history: they are not billed, but they are limited. */
  readonly events: number;
}

export interface ActionOptions {
  /** Heartbeats that reached the server: a number that was counted, or what they are estimated from. */
  readonly heartbeats: number | HeartbeatRule;
}

/** How workers heartbeat, as far as histories do not say it. */
export interface HeartbeatRule {
  /** An activity that is over earlier sends none, seconds. */
  readonly firstSeconds: number;
  /** The largest flush interval of the worker, its `maxHeartbeatThrottleInterval`, seconds. */
  readonly intervalSecondsMax: number;
}

/** A heartbeat is flushed after this share of the activity's heartbeat timeout. */
const HEARTBEAT_FLUSH_SHARE = 0.8;
/** A firing of a schedule costs two Actions besides the start that it makes. */
const SCHEDULE_FIRING_ACTIONS = 2;
/** One for the intent to start a child, one for the attempt to start it. */
const CHILD_ACTIONS = 2;
/** Search attribute that a schedule puts on what it starts. */
const SCHEDULED_BY = 'TemporalScheduledById';

/**
 * Counts the Actions of one workflow run. The start of a child and a signal that comes from another
 * workflow are counted where they were ordered, so that the histories of a parent and of its
 * children can be added up. Not in a history, and so not counted: queries, rejected updates, and
 * retries of an activity that never started again before its workflow ended.
 */
export function countActions(history: History, options: ActionOptions): ActionCount {
  const events = history.events ?? [];
  const byKind = Object.fromEntries(ACTION_KINDS.map((kind) => [kind, 0])) as Record<
    ActionKind,
    number
  >;
  for (const event of events) {
    for (const [kind, actions] of actionsOf(event)) byKind[kind] += actions;
  }
  byKind.localActivities = tasksWithLocalActivities(events);
  byKind.heartbeat =
    typeof options.heartbeats === 'number'
      ? options.heartbeats
      : estimateHeartbeats(events, options.heartbeats);
  const total = ACTION_KINDS.reduce((sum, kind) => sum + byKind[kind], 0);
  return { total, byKind, events: events.length };
}

/** Adds up counts, such as those of a parent and its children. */
export function sumActions(counts: readonly ActionCount[]): ActionCount {
  const sum = (pick: (count: ActionCount) => number) =>
    counts.reduce((total, count) => total + pick(count), 0);
  const byKind = Object.fromEntries(
    ACTION_KINDS.map((kind) => [kind, sum((count) => count.byKind[kind])]),
  ) as Record<ActionKind, number>;
  return { total: sum((count) => count.total), byKind, events: sum((count) => count.events) };
}

/** Workflow runs that this run started as children. */
export function childrenOf(
  history: History,
): readonly { readonly workflowId: string; readonly runId: string }[] {
  return (history.events ?? []).flatMap((event) => {
    const execution = event.childWorkflowExecutionStartedEventAttributes?.workflowExecution;
    return execution?.workflowId && execution.runId
      ? [{ workflowId: execution.workflowId, runId: execution.runId }]
      : [];
  });
}

/** The first run of the chain of continuations that this run belongs to. */
export function firstRunOf(history: History): string {
  const started = history.events?.[0]?.workflowExecutionStartedEventAttributes;
  const runId = started?.firstExecutionRunId;
  if (!runId) throw new RangeError('Cannot read the first run of a history without its start');
  return runId;
}

/** The run that continues this one as new, or null. */
export function continuedBy(history: History): string | null {
  const last = history.events?.at(-1);
  return last?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId ?? null;
}

function actionsOf(event: HistoryEvent): readonly (readonly [ActionKind, number])[] {
  const started = event.workflowExecutionStartedEventAttributes;
  if (started) {
    const isChild = Boolean(started.parentWorkflowExecution?.workflowId);
    const continues = Boolean(started.continuedExecutionRunId);
    const isScheduled = SCHEDULED_BY in (started.searchAttributes?.indexedFields ?? {});
    return [
      ['start', isChild && !continues ? 0 : 1],
      ['schedule', isScheduled && !continues ? SCHEDULE_FIRING_ACTIONS : 0],
    ];
  }
  if (event.activityTaskScheduledEventAttributes) return [['activity', 1]];
  const attempt = event.activityTaskStartedEventAttributes?.attempt;
  if (attempt) return [['activityRetry', attempt - 1]];
  if (event.startChildWorkflowExecutionInitiatedEventAttributes) return [['child', CHILD_ACTIONS]];
  if (event.timerStartedEventAttributes) return [['timer', 1]];
  const signaled = event.workflowExecutionSignaledEventAttributes;
  if (signaled) return [['signal', signaled.externalWorkflowExecution?.workflowId ? 0 : 1]];
  if (event.signalExternalWorkflowExecutionInitiatedEventAttributes) return [['signal', 1]];
  if (event.workflowExecutionUpdateAcceptedEventAttributes) return [['update', 1]];
  if (event.upsertWorkflowSearchAttributesEventAttributes)
    return [['upsert', upsertActions(event)]];
  if (event.workflowExecutionOptionsUpdatedEventAttributes) return [['options', 1]];
  if (event.nexusOperationScheduledEventAttributes) return [['nexus', 1]];
  if (event.workflowTaskFailedEventAttributes?.baseRunId) return [['reset', 1]];
  return [];
}

/** An upsert of nothing but the change version that `patched` writes is free. */
function upsertActions(event: HistoryEvent): number {
  const fields =
    event.upsertWorkflowSearchAttributesEventAttributes?.searchAttributes?.indexedFields ?? {};
  const names = Object.keys(fields);
  return names.length === 1 && names[0] === 'TemporalChangeVersion' ? 0 : 1;
}

/** All local activities of one workflow task cost one Action together. */
function tasksWithLocalActivities(events: readonly HistoryEvent[]): number {
  const tasks = events
    .map((event) => event.markerRecordedEventAttributes)
    .filter((marker) => marker?.markerName === 'core_local_activity')
    .map((marker) => String(marker?.workflowTaskCompletedEventId));
  return new Set(tasks).size;
}

/**
 * Heartbeats of the last attempt of each activity with a heartbeat timeout: the first goes out at
 * once, the next ones min(0.8 × heartbeat timeout, the worker's cap) apart. An estimate, because an
 * activity may heartbeat more seldom than it may, and a watch may heartbeat before `firstSeconds`.
 */
function estimateHeartbeats(events: readonly HistoryEvent[], rule: HeartbeatRule): number {
  const intervalSeconds = new Map<string, number>();
  const startedSeconds = new Map<string, number>();
  let heartbeats = 0;
  for (const event of events) {
    const scheduled = event.activityTaskScheduledEventAttributes;
    if (scheduled) {
      const timeout = seconds(scheduled.heartbeatTimeout);
      if (timeout > 0) {
        const interval = Math.min(HEARTBEAT_FLUSH_SHARE * timeout, rule.intervalSecondsMax);
        intervalSeconds.set(String(event.eventId), interval);
      }
      continue;
    }
    const started = event.activityTaskStartedEventAttributes;
    if (started) {
      startedSeconds.set(String(started.scheduledEventId), seconds(event.eventTime));
      continue;
    }
    const closed =
      event.activityTaskCompletedEventAttributes ??
      event.activityTaskFailedEventAttributes ??
      event.activityTaskTimedOutEventAttributes ??
      event.activityTaskCanceledEventAttributes;
    const interval = intervalSeconds.get(String(closed?.scheduledEventId));
    const start = startedSeconds.get(String(closed?.scheduledEventId));
    if (interval === undefined || start === undefined) continue;
    const ran = seconds(event.eventTime) - start;
    if (ran >= rule.firstSeconds)
      heartbeats += 1 + Math.floor((ran - rule.firstSeconds) / interval);
  }
  return heartbeats;
}

type ProtoTime = HistoryEvent['eventTime'];

function seconds(time: ProtoTime): number {
  return Number(time?.seconds ?? 0) + (time?.nanos ?? 0) / 1e9;
}
