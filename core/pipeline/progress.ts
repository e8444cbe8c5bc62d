import type { ErrorCode } from '../errors.ts';
import type { PipelineReading } from '../ports/pipeline.ts';
import type { PipelinePolicy } from './request.ts';

export type RunMove =
  | { readonly kind: 'done' }
  /** Its failed tasks are to be run again. */
  | { readonly kind: 'retry tasks'; readonly reason: string }
  | { readonly kind: 'setback'; readonly code: ErrorCode; readonly reason: string };

/**
 * What follows a run that is over. One that was cancelled and that nobody here cancelled has failed:
 * somebody ended it.
 *
 * @param retried how often its failed tasks were run again already
 */
export function nextRunMove(
  { phase, reason }: Pick<PipelineReading, 'phase' | 'reason'>,
  retried: number,
  policy: Pick<PipelinePolicy, 'retryTasks'>,
): RunMove {
  switch (phase) {
    case 'succeeded':
      return { kind: 'done' };
    case 'failed':
      return retried < policy.retryTasks
        ? { kind: 'retry tasks', reason }
        : { kind: 'setback', code: 'PIPELINE_FAILED', reason };
    case 'cancelled':
      return { kind: 'setback', code: 'PIPELINE_FAILED', reason: `somebody ended it: ${reason}` };
    case 'lost':
      return { kind: 'setback', code: 'JOB_LOST', reason };
    case 'pending':
    case 'running':
      return { kind: 'setback', code: 'JOB_UNSETTLED', reason: `it is still ${phase}: ${reason}` };
  }
}
