import type { WorkerOptions } from '@temporalio/worker';
import { kernelActivities } from '../activities/all.ts';
import type { Deps } from '../activities/deps.ts';

/** The zone of computation: as many at once as there are threads to run them. */
export function kernelsOptions(deps: Deps): Partial<WorkerOptions> {
  return {
    activities: kernelActivities(deps),
    maxConcurrentActivityTaskExecutions: 2,
  };
}
