import type { PipelineExecutionStep } from '@aws-sdk/client-sagemaker';
import type { FarSide } from './far-side.ts';
import { costUsd, usdPerHourOf } from './instances.ts';
import { trainingJobArnOf } from './pipeline-steps.ts';
import { describeTrainingJob } from './training-jobs.ts';

/**
 * US dollars of the training steps of a run that is over, by their billed seconds and the price book.
 * Null when a step holds machines whose billed time or price is not known: no number rather than a
 * number that is too small.
 */
export async function stepCosts(
  far: FarSide,
  steps: readonly PipelineExecutionStep[],
): Promise<number | null> {
  if (steps.some(holdsOtherMachines)) return null;
  let sum = 0;
  for (const step of steps) {
    const arn = trainingJobArnOf(step);
    if (arn === null || step.CacheHitResult !== undefined) continue;
    const job = await describeTrainingJob(far, arn.slice(arn.lastIndexOf('/') + 1));
    const cost =
      job === null
        ? null
        : costUsd(job.billableSeconds, usdPerHourOf(job.instance, far.settings.instances));
    if (cost === null) return null;
    sum += cost;
  }
  return sum;
}

function holdsOtherMachines({ Metadata: made = {} }: PipelineExecutionStep): boolean {
  const others = [
    made.ProcessingJob,
    made.TransformJob,
    made.TuningJob,
    made.AutoMLJob,
    made.EMR,
    made.QualityCheck,
    made.ClarifyCheck,
    made.Endpoint,
  ];
  return others.some((each) => each !== undefined);
}
