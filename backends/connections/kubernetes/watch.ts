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
/** A watch that the server did not end in time is dead, though nobody said so. */
const OVERDUE_SECONDS = 5;
/** Pause before a watch that failed is tried again, milliseconds. */
const RETRY_MS = 2000;
/** Pause before a watch that ended in order is resumed, against servers that end each at once. */
const RESUME_MS = 50;
/** Watching ends when nobody has asked for so long, milliseconds. */
const IDLE_MS = 60_000;
/** Keys that are remembered; beyond it everybody reads once, and counting begins anew. */
const KEYS_MAX = 10_000;

export function listCollection<T extends KubernetesObject>(
  client: KubernetesClient,
  collection: Collection,
): Promise<Listing<T>> {
  return client.list<T>(collection.path, selectors(collection));
}

function selectors({ labelSelector, fieldSelector }: Collection) {
  return {
    ...(labelSelector === undefined ? {} : { labelSelector }),
    ...(fieldSelector === undefined ? {} : { fieldSelector }),
  };
}

/** Which of the watched objects an event is about; null for one that is nobody's. */
export type KeyOf = (object: KubernetesObject) => string | null;

/**
 * Tells many readers of single objects that theirs have changed, by one watch for each collection.
 * It carries no state: who is told reads for himself, so that no event is trusted.
 *
 * A reader takes a token before it reads. The token is another one after an event for its key, and
 * after anything that may have lost an event: a watch that broke or fell behind (410). It is null
 * while watching fails, and the reader must then read each time. A watch that its server ends, as it
 * does every 25 s, is resumed where it ended. The client's own `Watch` gives up after 30 s without
 * events, and leaves all of this to the caller.
 */
export class Changes {
  readonly #client: KubernetesClient;
  readonly #collections: readonly { readonly collection: Collection; readonly keyOf: KeyOf }[];
  readonly #versions = new Map<string, number>();
  readonly #waiting = new Set<{ readonly key: string; readonly wake: () => void }>();
  #stop: AbortController | null = null;
  /** Collections whose events reach us, or will once a watch that ended in order is resumed. */
  readonly #watched = new Set<Collection>();
  #epoch = 0;
  #askedAt = 0;

  constructor(
    client: KubernetesClient,
    collections: readonly { readonly collection: Collection; readonly keyOf: KeyOf }[],
  ) {
    this.#client = client;
    this.#collections = collections;
  }

  /** Begins to watch at the first call. */
  token(key: string): string | null {
    this.#askedAt = performance.now();
    if (this.#stop === null) this.#start();
    if (this.#watched.size < this.#collections.length) return null;
    return `${this.#epoch}.${this.#versions.get(key) ?? 0}`;
  }

  /** Resolves when the token of the key is no longer this one, or after `ms`. */
  async wait(key: string, token: string | null, ms: number): Promise<void> {
    if (this.token(key) !== token) return;
    await new Promise<void>((resolve) => {
      const waiter = {
        key,
        wake: () => {
          clearTimeout(timer);
          this.#waiting.delete(waiter);
          resolve();
        },
      };
      const timer = setTimeout(waiter.wake, token === null ? Math.min(ms, RETRY_MS) : ms);
      this.#waiting.add(waiter);
    });
  }

  close(): void {
    this.#stop?.abort();
    this.#stop = null;
    this.#watched.clear();
    this.#lost();
  }

  #start(): void {
    const stop = new AbortController();
    this.#stop = stop;
    for (const { collection, keyOf } of this.#collections) {
      void this.#watchOne(collection, keyOf, stop.signal);
    }
  }

  async #watchOne(collection: Collection, keyOf: KeyOf, signal: AbortSignal): Promise<void> {
    let from = '';
    while (!signal.aborted) {
      if (performance.now() - this.#askedAt > IDLE_MS) return this.close();
      try {
        if (from === '') from = await this.#now(collection);
        from = await this.#watchFrom(collection, keyOf, from, signal);
        await sleep(RESUME_MS, undefined, { signal });
      } catch {
        // Whoever reads meets the same trouble and says so; here it only means to begin anew.
        from = '';
        this.#watched.delete(collection);
        if (signal.aborted) return;
        this.#lost();
        await sleep(RETRY_MS, undefined, { signal, ref: false }).catch(() => undefined);
      }
    }
  }

  /** Watches until the server ends it; answers with where to go on. */
  async #watchFrom(
    collection: Collection,
    keyOf: KeyOf,
    resourceVersion: string,
    signal: AbortSignal,
  ): Promise<string> {
    const overdue = AbortSignal.timeout((WATCH_SECONDS_MAX + OVERDUE_SECONDS) * 1000);
    const body = await this.#client.stream(
      collection.path,
      {
        ...selectors(collection),
        watch: 'true',
        allowWatchBookmarks: 'true',
        timeoutSeconds: WATCH_SECONDS_MAX,
        resourceVersion,
      },
      AbortSignal.any([signal, overdue]),
    );
    this.#watched.add(collection);
    let from = resourceVersion;
    for await (const { type, object } of eventsOf(body)) {
      if (type === 'ERROR') throw new Error(`the watch fell behind ${from}`);
      from = object.metadata.resourceVersion;
      const key = type === 'BOOKMARK' ? null : keyOf(object);
      if (key !== null) this.#changed(key);
    }
    return from;
  }

  /** The collection's present resource version. */
  async #now(collection: Collection): Promise<string> {
    const query = { ...selectors(collection), limit: 1 };
    const reply = await this.#client.get<Pick<KubernetesObject, 'metadata'>>(
      collection.path,
      query,
    );
    return reply?.metadata.resourceVersion ?? '';
  }

  #changed(key: string): void {
    if (this.#versions.size >= KEYS_MAX) this.#lost();
    this.#versions.set(key, (this.#versions.get(key) ?? 0) + 1);
    for (const waiter of this.#waiting) if (waiter.key === key) waiter.wake();
  }

  #lost(): void {
    this.#epoch += 1;
    this.#versions.clear();
    for (const waiter of this.#waiting) waiter.wake();
  }
}

interface WatchEvent {
  readonly type: string;
  readonly object: KubernetesObject;
}

/** One JSON object a line. */
async function* eventsOf(body: ReadableStream<Uint8Array>): AsyncGenerator<WatchEvent> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') yield JSON.parse(line) as WatchEvent;
  }
}
