import { proxyActivities } from '@temporalio/workflow';
import type { StepActivities } from './overhead-worker.ts';

export interface StepsRequest {
  /** Activities to run one after the other. */
  readonly steps: number;
  /** Queue of the activities; the workflow's own queue allows eager dispatch. */
  readonly activityQueue: string;
}

/** Runs activities that do nothing, so that all the time it takes is orchestration. */
export async function runSteps({ steps, activityQueue }: StepsRequest): Promise<number> {
  const { passStep } = proxyActivities<StepActivities>({
    taskQueue: activityQueue,
    startToCloseTimeout: '10 s',
  });
  for (let step = 0; step < steps; step += 1) await passStep(step);
  return steps;
}
