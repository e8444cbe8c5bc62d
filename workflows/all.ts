/** The entry of the workflow bundle: every workflow type by its name. */
export { operateBackend } from './operate-backend.ts';
export { retrainModel } from './retrain-model.ts';
export { rolloutRegion } from './rollout-region.ts';
export { runLifecycle } from './run-lifecycle.ts';
export { runPipeline } from './run-pipeline.ts';
export { trainModel } from './train-model.ts';
export { tuneModel } from './tune-model.ts';
