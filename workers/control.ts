import type { WorkerOptions } from '@temporalio/worker';
import { controlActivities } from '../activities/all.ts';
import type { Deps } from '../activities/deps.ts';

/** The zone of short API calls: it holds the credentials of what it calls. */
export function controlOptions(deps: Deps): Partial<WorkerOptions> {
  return {
    activities: controlActivities(deps),
    maxConcurrentActivityTaskExecutions: 50,
  };
}
