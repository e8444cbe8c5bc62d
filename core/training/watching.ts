/**
 * What a watch costs. A watcher reads the far side all the time, and tells Temporal that it lives by
 * heartbeats. The SDK flushes one at once and then one each 0.8 × the heartbeat timeout; each that
 * is flushed is an Action (docs.temporal.io/evaluate/cloud/actions). How soon a failed job is noticed
 * does not depend on it; how soon a dead watcher is noticed does.
 */

/** Share of its timeout after which a heartbeat is flushed (SDK: heartbeat throttling). */
export const HEARTBEAT_FLUSH_SHARE = 0.8;
/** Bounds of a heartbeat timeout, seconds. */
export const HEARTBEAT_SECONDS_MIN = 3;
export const HEARTBEAT_SECONDS_MAX = 3600;
/** Heartbeats of one watch that takes its whole time limit. */
const HEARTBEATS_WANTED = 100;

/** Heartbeats of a watch of so many seconds, each an Action. */
export function heartbeatsOf(watchSeconds: number, heartbeatTimeoutSeconds: number): number {
  return 1 + Math.floor(watchSeconds / (HEARTBEAT_FLUSH_SHARE * heartbeatTimeoutSeconds));
}

/**
 * The heartbeat timeout of work that may take so long, seconds: about a hundred heartbeats for the
 * whole limit, 1080 s for a day.
 */
export function heartbeatTimeoutFor(limitSeconds: number): number {
  const seconds = Math.ceil(limitSeconds / (HEARTBEATS_WANTED * HEARTBEAT_FLUSH_SHARE));
  return Math.min(HEARTBEAT_SECONDS_MAX, Math.max(HEARTBEAT_SECONDS_MIN, seconds));
}
