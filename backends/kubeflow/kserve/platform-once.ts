import type { KubernetesClient } from '../../connections/kubernetes/client.ts';
import { readPlatform } from './platform.ts';
import type { Platform } from './platform.ts';
import type { KserveSettings } from './settings.ts';

/** An installation is looked at anew after so long, milliseconds. */
const FRESH_MS = 300_000;

/** Reads what the cluster serves once in a while; a reading that failed is tried again at the next call. */
export function platformOnce(
  client: KubernetesClient,
  settings: KserveSettings,
): () => Promise<Platform> {
  let known: { readonly platform: Promise<Platform>; readonly until: number } | null = null;
  return async () => {
    if (known !== null && known.until > Date.now()) return known.platform;
    const platform = readPlatform(client, settings);
    known = { platform, until: Date.now() + FRESH_MS };
    platform.catch(() => {
      known = null;
    });
    return platform;
  };
}
