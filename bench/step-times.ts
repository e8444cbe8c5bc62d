import type { History } from './action-counter.ts';

/** Milliseconds from one scheduled activity to the next: a whole step, workflow task included. */
export function stepMillis(history: History): number[] {
  const scheduledAt = (history.events ?? [])
    .filter((event) => event.activityTaskScheduledEventAttributes)
    .map(({ eventTime }) => Number(eventTime?.seconds ?? 0) * 1000 + (eventTime?.nanos ?? 0) / 1e6);
  return scheduledAt.slice(1).map((at, index) => at - (scheduledAt[index] ?? at));
}
