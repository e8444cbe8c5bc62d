import type { Serving } from '../../core/ports/serving.ts';
import type { KubernetesClient } from '../connections/kubernetes/client.ts';
import { createCanaryServices } from './kserve/canary-services.ts';
import { platformOnce } from './kserve/platform-once.ts';
import type { Platform } from './kserve/platform.ts';
import { createRevisionServices } from './kserve/revision-services.ts';
import type { KserveSettings } from './kserve/settings.ts';
import { createVersionServices } from './kserve/version-services.ts';

/**
 * Model servers as KServe InferenceServices, `serving.kserve.io/v1beta1`. How versions become objects
 * follows from how traffic is shared; docs/backends/kserve.md.
 */
export function createServing(client: KubernetesClient, settings: KserveSettings): Serving {
  const platform = platformOnce(client, settings);
  const serving = async () => servingFor(client, settings, await platform());
  return {
    deploy: async (spec) => (await serving()).deploy(spec),
    read: async (key) => (await serving()).read(key),
    undeploy: async (key) => (await serving()).undeploy(key),
  };
}

function servingFor(
  client: KubernetesClient,
  settings: KserveSettings,
  { split }: Platform,
): Serving {
  switch (split) {
    case 'http-route':
      return createVersionServices(client, settings);
    case 'canaries':
      return createCanaryServices(client, settings);
    case 'revisions':
      return createRevisionServices(client, settings);
  }
}
