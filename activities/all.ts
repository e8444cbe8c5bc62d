import { createAdmissionActivities } from './admission.ts';
import { createComputeActivities, createWatchJobActivities } from './compute.ts';
import { createDataActivities } from './data.ts';
import type { Deps } from './deps.ts';
import { createEvidenceActivities } from './evidence.ts';
import { withCodes } from './failures.ts';
import { beating } from './heartbeats.ts';
import { createObserveActivities } from './metrics.ts';
import { createPipelineActivities, createWatchRunActivities } from './pipeline.ts';
import { createEvaluationActivities, createModelsActivities } from './release.ts';
import { createOperationActivities } from './operations.ts';
import { createServingActivities } from './serving.ts';
import { createTrafficActivities } from './traffic.ts';
import { createTuningActivities, createWatchSearchActivities } from './tuning.ts';

/** The activities of the `control` queue: short API calls. */
export function controlActivities(deps: Deps) {
  return withCodes(
    beating({
      ...createAdmissionActivities(deps),
      ...createComputeActivities(deps),
      ...createEvidenceActivities(deps),
      ...createModelsActivities(deps),
      ...createPipelineActivities(deps),
      ...createOperationActivities(deps),
      ...createServingActivities(deps),
      ...createTrafficActivities(deps),
      ...createTuningActivities(deps),
    }),
  );
}

/** The activities of the `watch` queue: long and heartbeating. */
export function watchActivities(deps: Deps) {
  return withCodes({
    ...createWatchJobActivities(deps),
    ...createWatchRunActivities(deps),
    ...createWatchSearchActivities(deps),
    ...createObserveActivities(deps),
  });
}

/** The activities of the `kernels` queue: CPU-heavy. */
export function kernelActivities(deps: Deps) {
  return withCodes(beating({ ...createDataActivities(deps), ...createEvaluationActivities(deps) }));
}

export type ControlActivities = ReturnType<typeof controlActivities>;
export type WatchActivities = ReturnType<typeof watchActivities>;
export type KernelActivities = ReturnType<typeof kernelActivities>;
