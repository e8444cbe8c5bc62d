/**
 * The activity options of each trust zone, in one place because histories depend on them.
 * Retries are stopped by the catalogue: an activity marks final errors as non-retryable itself.
 */
import type { ActivityInterfaceFor, ActivityOptions } from '@temporalio/workflow';
import { proxyActivities } from '@temporalio/workflow';
import type { ControlActivities, KernelActivities, WatchActivities } from '../activities/all.ts';
import { TASK_QUEUES } from '../core/messages.ts';
import { tellingCancellation } from './cancelled-calls.ts';

const RETRY = { initialInterval: '200ms', backoffCoefficient: 2, maximumInterval: '10s' } as const;

/** How soon the death of a worker is noticed; its activities beat more often. */
const HEARTBEAT_TIMEOUT = '5s';

/** Attempts of an operator's order before its error is told. */
const ORDER_ATTEMPTS_MAX = 3;

/**
 * Whatever has an effect is waited for when a run is cancelled: a job whose start is under way must
 * have been started before it can be stopped.
 */
const WAIT = 'WAIT_CANCELLATION_COMPLETED';

function calls<Activities extends object>(
  options: ActivityOptions,
): ActivityInterfaceFor<Activities> {
  return tellingCancellation(proxyActivities<Activities>(options));
}

/** Short calls. */
export const control = calls<ControlActivities>({
  taskQueue: TASK_QUEUES.control,
  startToCloseTimeout: '10s',
  heartbeatTimeout: HEARTBEAT_TIMEOUT,
  scheduleToCloseTimeout: '1h',
  cancellationType: WAIT,
  retry: RETRY,
});

/** The same where another backend can do the work: that is sooner than an hour of retries. */
export const briefControl = calls<ControlActivities>({
  taskQueue: TASK_QUEUES.control,
  startToCloseTimeout: '10s',
  heartbeatTimeout: HEARTBEAT_TIMEOUT,
  scheduleToCloseTimeout: '5m',
  cancellationType: WAIT,
  retry: RETRY,
});

/** Calls that wait for a server to become ready or to drain. */
export const slowControl = calls<ControlActivities>({
  taskQueue: TASK_QUEUES.control,
  startToCloseTimeout: '2m',
  heartbeatTimeout: HEARTBEAT_TIMEOUT,
  scheduleToCloseTimeout: '1h',
  cancellationType: WAIT,
  retry: RETRY,
});

/**
 * Orders that a person waits for: few attempts, so that what keeps the far side from answering is
 * told while the person is there.
 */
export function orderControl(startToCloseTimeout: '15s' | '2m') {
  return calls<ControlActivities>({
    taskQueue: TASK_QUEUES.control,
    startToCloseTimeout,
    heartbeatTimeout: HEARTBEAT_TIMEOUT,
    cancellationType: WAIT,
    retry: { ...RETRY, maximumAttempts: ORDER_ATTEMPTS_MAX },
  });
}

/** Work on whole tables. */
export const kernels = calls<KernelActivities>({
  taskQueue: TASK_QUEUES.kernels,
  startToCloseTimeout: '10m',
  heartbeatTimeout: HEARTBEAT_TIMEOUT,
  scheduleToCloseTimeout: '2h',
  retry: RETRY,
});

/** Watching: its heartbeats say how soon a dead watcher is noticed. */
export function watch(heartbeatTimeoutSeconds: number, startToCloseSeconds: number) {
  return calls<WatchActivities>({
    taskQueue: TASK_QUEUES.watch,
    startToCloseTimeout: `${Math.ceil(startToCloseSeconds)}s`,
    heartbeatTimeout: `${Math.ceil(heartbeatTimeoutSeconds)}s`,
    retry: { ...RETRY, maximumInterval: '2s' },
    // Watching spends nothing: an order need not wait until the watcher has noticed.
    cancellationType: 'TRY_CANCEL',
  });
}
