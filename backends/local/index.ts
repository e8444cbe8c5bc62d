import type { Backend } from '../../core/backend.ts';
import { connectAgent } from './agent/client.ts';
import { createArtifacts } from './artifacts.ts';
import { checkLocal } from './check.ts';
import { createCompute } from './compute.ts';
import { createMetrics } from './metrics.ts';
import { createModels } from './models.ts';
import { createPrices } from './prices.ts';
import { createServing } from './serving.ts';
import { localSettings } from './settings.ts';
import type { LocalSettings } from './settings.ts';
import { createSigner } from './signer.ts';
import { createTraffic } from './traffic.ts';

/**
 * Opening talks to nobody: a host agent that is down shows as HOST_AGENT_DOWN, which is retryable,
 * at the first call that needs it.
 */
export const backend: Backend<LocalSettings> = {
  name: 'local',
  summary:
    'This machine: child processes, the file system, and scoring servers behind a real Envoy',
  has: ['artifacts', 'compute', 'metrics', 'models', 'prices', 'serving', 'signer', 'traffic'],
  lacks: {
    assets: 'one machine has no data catalogue',
    backfill: 'it schedules nothing; Temporal’s schedules have backfills of their own',
    definitions: 'it runs programs, not pipelines',
    inventory: 'the host agent ends what nobody owns, and `orrery logs` lists its jobs',
    pipeline: 'it runs programs, not pipelines',
    pools: 'one machine is one pool',
    tuning: 'searches run over its compute: `engine: "orrery"`',
  },
  settings: localSettings,
  open: (settings) => {
    const agent = connectAgent(settings.home);
    return Promise.resolve({
      ports: {
        artifacts: createArtifacts(settings),
        compute: createCompute(settings, agent),
        metrics: createMetrics(settings, agent),
        models: createModels(settings),
        prices: createPrices(settings),
        serving: createServing(settings, agent),
        signer: createSigner(settings),
        traffic: createTraffic(settings, agent),
      },
      check: () => checkLocal(settings, agent),
      close: () => Promise.resolve(),
    });
  },
};
