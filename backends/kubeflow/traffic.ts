import type { Traffic } from '../../core/ports/traffic.ts';
import type { KubernetesClient } from '../connections/kubernetes/client.ts';
import { createCanaryTraffic } from './kserve/canary-traffic.ts';
import { createHttpRoutes } from './kserve/http-routes.ts';
import { platformOnce } from './kserve/platform-once.ts';
import type { Platform } from './kserve/platform.ts';
import { createRevisionTraffic } from './kserve/revision-traffic.ts';
import type { KserveSettings } from './kserve/settings.ts';

/**
 * Weights between versions on KServe: an HTTPRoute of ours, `spec.canary[]`, or Knative's revisions;
 * docs/backends/kserve.md. What is read is what the cluster does, never what the spec asks for.
 */
export function createTraffic(client: KubernetesClient, settings: KserveSettings): Traffic {
  const platform = platformOnce(client, settings);
  const traffic = async () => trafficFor(client, settings, await platform());
  return {
    set: async (route) => (await traffic()).set(route),
    read: async (route) => (await traffic()).read(route),
    remove: async (route) => (await traffic()).remove(route),
  };
}

function trafficFor(
  client: KubernetesClient,
  settings: KserveSettings,
  platform: Platform,
): Traffic {
  switch (platform.split) {
    case 'http-route':
      return createHttpRoutes(client, settings, platform);
    case 'canaries':
      return createCanaryTraffic(client, settings);
    case 'revisions':
      return createRevisionTraffic(client, settings);
  }
}
