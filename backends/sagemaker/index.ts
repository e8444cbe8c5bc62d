import type { Backend } from '../../core/backend.ts';
import { createArtifacts } from './artifacts.ts';
import { createCompute } from './compute.ts';
import { openFarSide } from './far-side.ts';
import { createPrices } from './prices.ts';
import { sagemakerSettings } from './settings.ts';
import type { SagemakerSettings } from './settings.ts';

/** Opening talks to nobody: credentials and addresses are tried by the first call. */
export const backend: Backend<SagemakerSettings> = {
  name: 'sagemaker',
  summary: 'Amazon SageMaker: jobs, searches, pipelines, registry and endpoints, with files in S3',
  has: ['artifacts', 'compute', 'prices'],
  lacks: {},
  settings: sagemakerSettings,
  open: async (settings) => {
    const far = openFarSide(settings);
    return {
      ports: {
        artifacts: createArtifacts(far.store),
        compute: createCompute(far),
        prices: createPrices(settings),
      },
      close: async () => far.close(),
    };
  },
};
