import type { Backend } from '../../core/backend.ts';
import { createArtifacts } from './artifacts.ts';
import { checkFarSide } from './check.ts';
import { createCompute } from './compute.ts';
import { createDefinitions } from './definitions.ts';
import { openFarSide } from './far-side.ts';
import { createInventory } from './inventory.ts';
import { createModels } from './models.ts';
import { createPipeline } from './pipeline.ts';
import { createPrices } from './prices.ts';
import { createServing } from './serving.ts';
import { sagemakerSettings } from './settings.ts';
import type { SagemakerSettings } from './settings.ts';
import { createTraffic } from './traffic.ts';
import { createTuning } from './tuning.ts';

/** Opening talks to nobody: credentials and addresses are tried by the first call. */
export const backend: Backend<SagemakerSettings> = {
  name: 'sagemaker',
  summary: 'Amazon SageMaker: jobs, searches, pipelines, registry and endpoints, with files in S3',
  has: [
    'artifacts',
    'compute',
    'definitions',
    'inventory',
    'models',
    'pipeline',
    'prices',
    'serving',
    'traffic',
    'tuning',
  ],
  lacks: {
    assets: 'SageMaker tells no news of data; EventBridge does, which is another service',
    backfill: 'its pipelines have no schedule of their own, so no times that were missed',
    metrics: 'counts per variant are in CloudWatch, which is another service',
    pools: 'capacity is shared by quotas of the account, which its API does not set',
    signer: 'keys are in KMS, which is another service',
  },
  settings: sagemakerSettings,
  open: async (settings) => {
    const far = openFarSide(settings);
    return {
      ports: {
        artifacts: createArtifacts(far.store),
        compute: createCompute(far),
        definitions: createDefinitions(far),
        inventory: createInventory(far),
        models: createModels(far),
        pipeline: createPipeline(far),
        prices: createPrices(settings),
        serving: createServing(far),
        traffic: createTraffic(far),
        tuning: createTuning(far),
      },
      check: () => checkFarSide(far),
      close: async () => far.close(),
    };
  },
};
