import { setTimeout as sleep } from 'node:timers/promises';
import type { KubernetesClient, Listing } from './client.ts';
import type { KubernetesObject } from './objects.ts';

/** Objects to read and to be told of: a collection, narrowed by selectors. */
export interface Collection {
  readonly path: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

/** The server ends a watch itself after so long; proxies in between cut idle ones later than that. */
const WATCH_SECONDS_MAX = 25;
/** How often a caller reads where watching fails, milliseconds. */
const POLL_MS = 2000;

export function listCollection<T extends KubernetesObject>(
  client: KubernetesClient,
  { path, labelSelector, fieldSelector }: Collection,
): Promise<Listing<T>> {
  return client.list<T>(path, {
    ...(labelSelector === undefined ? {} : { labelSelector }),
    ...(fieldSelector === undefined ? {} : { fieldSelector }),
  });
}

/**
 * Resolves when something has changed in one of the collections since they were listed, or after
 * `waitMs`. A watch that ends, breaks, is refused or falls behind (410) resolves too: the caller
 * lists again in any case, and decides by what it reads. So no event is missed, and none is trusted.
 */
export async function changeIn(
  client: KubernetesClient,
  listings: readonly { readonly collection: Collection; readonly resourceVersion: string }[],
  waitMs: number,
): Promise<void> {
  const stop = new AbortController();
  const limit = setTimeout(() => stop.abort(), waitMs);
  const timeoutSeconds = Math.max(1, Math.min(WATCH_SECONDS_MAX, Math.ceil(waitMs / 1000)));
  try {
    await Promise.race(
      listings.map(({ collection, resourceVersion }) =>
        changeInOne(client, collection, { resourceVersion, timeoutSeconds }, stop.signal),
      ),
    );
  } finally {
    clearTimeout(limit);
    stop.abort();
  }
}

async function changeInOne(
  client: KubernetesClient,
  { path, labelSelector, fieldSelector }: Collection,
  from: { readonly resourceVersion: string; readonly timeoutSeconds: number },
  signal: AbortSignal,
): Promise<void> {
  const query = {
    watch: 'true',
    ...from,
    ...(labelSelector === undefined ? {} : { labelSelector }),
    ...(fieldSelector === undefined ? {} : { fieldSelector }),
  };
  try {
    // Without bookmarks the first bytes are an event.
    for await (const chunk of await client.stream(path, query, signal)) {
      if (chunk.length > 0) return;
    }
  } catch {
    // Broken or refused: the caller's next call says why, if it lasts; until then it polls.
    await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
}
