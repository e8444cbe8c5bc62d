import { describe, expect, it } from '@jest/globals';
import { childrenOf, continuedBy, countActions, sumActions } from '../../bench/action-counter.ts';
import type { History } from '../../bench/action-counter.ts';

const NO_HEARTBEATS = { heartbeats: 0 } as const;
const RULE = { firstSeconds: 2, intervalSecondsMax: 60 } as const;

/** Events numbered from 1, one second apart unless they say when. */
function history(...events: readonly object[]): History {
  return {
    events: events.map((event, index) => ({
      eventId: index + 1,
      eventTime: { seconds: index, nanos: 0 },
      ...event,
    })),
  } as unknown as History;
}
const started = (attributes: object = {}) => ({
  workflowExecutionStartedEventAttributes: attributes,
});
const scheduled = (attributes: object = {}) => ({
  activityTaskScheduledEventAttributes: attributes,
});
const activityStarted = (scheduledEventId: number, attempt = 1) => ({
  activityTaskStartedEventAttributes: { scheduledEventId, attempt },
});
const completed = (scheduledEventId: number) => ({
  activityTaskCompletedEventAttributes: { scheduledEventId },
});

describe('countActions', () => {
  it('counts one Action for a start and one for an activity, and none for workflow tasks', () => {
    const count = countActions(
      history(
        started(),
        { workflowTaskScheduledEventAttributes: {} },
        { workflowTaskCompletedEventAttributes: {} },
        scheduled(),
        activityStarted(4),
        completed(4),
      ),
      NO_HEARTBEATS,
    );
    expect(count.total).toBe(2);
    expect(count.events).toBe(6);
  });

  it('counts each retry of an activity from the attempt number of its last start', () => {
    const count = countActions(
      history(started(), scheduled(), activityStarted(2, 4)),
      NO_HEARTBEATS,
    );
    expect(count.byKind.activity).toBe(1);
    expect(count.byKind.activityRetry).toBe(3);
  });

  it('counts two Actions for a child in its parent and none in the child itself', () => {
    const parent = countActions(
      history(started(), { startChildWorkflowExecutionInitiatedEventAttributes: {} }),
      NO_HEARTBEATS,
    );
    const child = countActions(
      history(started({ parentWorkflowExecution: { workflowId: 'parent' } })),
      NO_HEARTBEATS,
    );
    expect(sumActions([parent, child]).total).toBe(3);
  });

  it('counts one Action for a run that continues a child as new', () => {
    const count = countActions(
      history(
        started({
          parentWorkflowExecution: { workflowId: 'parent' },
          continuedExecutionRunId: 'r',
        }),
      ),
      NO_HEARTBEATS,
    );
    expect(count.total).toBe(1);
  });

  it('counts three Actions for a start by a schedule', () => {
    const count = countActions(
      history(started({ searchAttributes: { indexedFields: { TemporalScheduledById: {} } } })),
      NO_HEARTBEATS,
    );
    expect(count.byKind.schedule).toBe(2);
    expect(count.total).toBe(3);
  });

  it('counts a signal between workflows once, at its sender', () => {
    const sender = countActions(
      history({ signalExternalWorkflowExecutionInitiatedEventAttributes: {} }),
      NO_HEARTBEATS,
    );
    const receiver = countActions(
      history({
        workflowExecutionSignaledEventAttributes: {
          externalWorkflowExecution: { workflowId: 'sender' },
        },
      }),
      NO_HEARTBEATS,
    );
    const fromClient = countActions(
      history({ workflowExecutionSignaledEventAttributes: {} }),
      NO_HEARTBEATS,
    );
    expect([sender.total, receiver.total, fromClient.total]).toEqual([1, 0, 1]);
  });

  it('counts timers, accepted updates, upserts and changed options one each', () => {
    const count = countActions(
      history(
        { timerStartedEventAttributes: {} },
        { workflowExecutionUpdateAcceptedEventAttributes: {} },
        {
          upsertWorkflowSearchAttributesEventAttributes: {
            searchAttributes: { indexedFields: { OrreryStage: {}, OrreryCostUsd: {} } },
          },
        },
        { workflowExecutionOptionsUpdatedEventAttributes: {} },
      ),
      NO_HEARTBEATS,
    );
    expect(count.byKind).toMatchObject({ timer: 1, update: 1, upsert: 1, options: 1 });
    expect(count.total).toBe(4);
  });

  it('counts nothing for the upsert that a patch marker makes', () => {
    const count = countActions(
      history({
        upsertWorkflowSearchAttributesEventAttributes: {
          searchAttributes: { indexedFields: { TemporalChangeVersion: {} } },
        },
      }),
      NO_HEARTBEATS,
    );
    expect(count.total).toBe(0);
  });

  it('counts all local activities of one workflow task as one Action', () => {
    const marker = (workflowTaskCompletedEventId: number) => ({
      markerRecordedEventAttributes: {
        markerName: 'core_local_activity',
        workflowTaskCompletedEventId,
      },
    });
    const count = countActions(history(marker(3), marker(3), marker(9)), NO_HEARTBEATS);
    expect(count.byKind.localActivities).toBe(2);
  });

  it('estimates a first heartbeat and one more for each 0.8 of the heartbeat timeout', () => {
    const watch = history(
      scheduled({ heartbeatTimeout: { seconds: 10 } }),
      { ...activityStarted(1), eventTime: { seconds: 100 } },
      { ...completed(1), eventTime: { seconds: 182 } },
    );
    expect(countActions(watch, { heartbeats: RULE }).byKind.heartbeat).toBe(1 + 10);
  });

  it('estimates no heartbeat of an activity that is over before its first', () => {
    const call = history(
      scheduled({ heartbeatTimeout: { seconds: 5 } }),
      { ...activityStarted(1), eventTime: { seconds: 100 } },
      { ...completed(1), eventTime: { seconds: 101 } },
    );
    expect(countActions(call, { heartbeats: RULE }).byKind.heartbeat).toBe(0);
  });

  it('estimates heartbeats at the throttle cap when the timeout is long', () => {
    const watch = history(
      scheduled({ heartbeatTimeout: { seconds: 900 } }),
      { ...activityStarted(1), eventTime: { seconds: 0 } },
      { ...completed(1), eventTime: { seconds: 3602 } },
    );
    expect(countActions(watch, { heartbeats: RULE }).byKind.heartbeat).toBe(1 + 60);
  });

  it('takes heartbeats that were counted instead of an estimate', () => {
    const count = countActions(history(started()), { heartbeats: 7 });
    expect(count.total).toBe(8);
  });
});

describe('a history', () => {
  it('names the children that it started', () => {
    const execution = { workflowId: 'training/fraud/1', runId: 'r1' };
    expect(
      childrenOf(
        history({ childWorkflowExecutionStartedEventAttributes: { workflowExecution: execution } }),
      ),
    ).toEqual([execution]);
  });

  it('names the run that continues it as new', () => {
    const continued = history(started(), {
      workflowExecutionContinuedAsNewEventAttributes: { newExecutionRunId: 'r2' },
    });
    expect(continuedBy(continued)).toBe('r2');
    expect(continuedBy(history(started()))).toBeNull();
  });
});
