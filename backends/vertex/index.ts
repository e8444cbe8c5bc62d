import type { Backend } from '../../core/backend.ts';
import { googleAccess } from '../connections/google/clients.ts';
import { createObjectStore } from '../connections/google/storage.ts';
import type { ObjectStore } from '../connections/google/storage.ts';
import { createApi, createClients } from './api.ts';
import type { VertexApi } from './calls.ts';
import { createArtifacts } from './artifacts.ts';
import { checkVertex } from './check.ts';
import { createCompute } from './compute.ts';
import { createInventory } from './inventory.ts';
import { createPipeline } from './pipeline.ts';
import { createPrices } from './prices.ts';
import { createServing } from './serving.ts';
import { vertexSettings } from './settings.ts';
import type { VertexSettings } from './settings.ts';
import { createTraffic } from './traffic.ts';
import { createTuning } from './tuning.ts';

/** Opening talks to nobody: what is missing shows at the first call, and in `orrery backends check`. */
export const backend: Backend<VertexSettings> = {
  name: 'vertex',
  summary: 'Google Vertex AI: custom jobs, pipelines, searches, and endpoints',
  has: ['artifacts', 'compute', 'inventory', 'pipeline', 'prices', 'serving', 'traffic', 'tuning'],
  lacks: {
    assets: 'Vertex AI schedules nothing by data',
    backfill: 'its schedules have no runs for times that have passed',
    definitions:
      'templates are kept by Artifact Registry, another API; `pipeline` takes their addresses and compiled specs',
    metrics: 'requests by deployed model are told by Cloud Monitoring, another API',
    models: 'its model registry has no compare-and-swap for the champion of a region',
    pools: 'persistent resources are machines, not shares; name one in the settings',
    signer: 'keys are kept by Cloud KMS, another API',
  },
  settings: vertexSettings,
  open: (settings) => {
    const access = googleAccess(settings);
    const api = createApi(settings, createClients(access));
    const store = createObjectStore(access, {
      endpoint: settings.storage.endpoint,
      timeoutMs: settings.callTimeoutSeconds * 1000,
    });
    return Promise.resolve({
      ports: createPorts(settings, api, store),
      check: () => checkVertex(settings, api, store),
      close: async () => {
        access.agent.destroy();
        await api.close();
      },
    });
  },
};

/** The ports over calls that were made before, so that tests can stand in between. */
export function createPorts(settings: VertexSettings, api: VertexApi, store: ObjectStore) {
  const artifacts = createArtifacts(settings, store);
  return {
    artifacts,
    compute: createCompute(settings, api, store),
    inventory: createInventory(settings, api),
    pipeline: createPipeline(settings, api, store),
    prices: createPrices(settings),
    serving: createServing({ settings, api, store, artifacts }),
    traffic: createTraffic(settings, api),
    tuning: createTuning(settings, api),
  };
}
