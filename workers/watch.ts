import type { WorkerOptions } from '@temporalio/worker';
import { watchActivities } from '../activities/all.ts';
import type { Deps } from '../activities/deps.ts';
import { HEARTBEAT_FLUSH_SHARE, HEARTBEAT_SECONDS_MAX } from '../core/training/watching.ts';

/**
 * The longest interval between heartbeats that any policy asks for, seconds. The SDK flushes at 0.8
 * of each activity's own timeout, capped by this: a lower cap would make day-long watches cost more.
 */
export const HEARTBEAT_INTERVAL_SECONDS_MAX = HEARTBEAT_FLUSH_SHARE * HEARTBEAT_SECONDS_MAX;

/** The zone of long watches: many at once, each mostly waiting. */
export function watchOptions(deps: Deps): Partial<WorkerOptions> {
  return {
    activities: watchActivities(deps),
    maxConcurrentActivityTaskExecutions: 1000,
    maxHeartbeatThrottleInterval: `${HEARTBEAT_INTERVAL_SECONDS_MAX}s`,
    defaultHeartbeatThrottleInterval: `${HEARTBEAT_INTERVAL_SECONDS_MAX}s`,
  };
}
