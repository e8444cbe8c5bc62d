import type { WorkerOptions } from '@temporalio/worker';
import { workflowBundle } from './bundle.ts';

/**
 * The zone of workflows: no credentials, no activities. A worker that dies loses its sticky tasks
 * after a second instead of ten.
 */
export async function orchestrateOptions(home: string): Promise<Partial<WorkerOptions>> {
  // A worker of an older build is told where its bundle is: the sources are not its own any more.
  const codePath = process.env['ORRERY_BUNDLE'] ?? (await workflowBundle(home)).codePath;
  return {
    workflowBundle: { codePath },
    stickyQueueScheduleToStartTimeout: '1s',
    maxCachedWorkflows: 500,
    workflowTaskPollerBehavior: { type: 'autoscaling', initial: 5, minimum: 2, maximum: 20 },
  };
}
