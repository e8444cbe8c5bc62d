import { createConfiguration, KubeConfig, RequestContext } from '@kubernetes/client-node';
import type { Cluster, HttpMethod, ResponseContext } from '@kubernetes/client-node';
import { OrreryError } from '../../../core/errors.ts';
import { errorOfBody, errorOfCall, errorOfCredentials, errorOfReply, isAbsent } from './errors.ts';
import { execInPod } from './exec.ts';
import type { PodCommand, PodCommandEnd } from './exec.ts';
import type { KubernetesObject } from './objects.ts';
import type { KubernetesSettings } from './settings.ts';

type Query = Readonly<Record<string, string | number>>;

/** Content types of the kinds of patch. */
const PATCH_TYPES = {
  merge: 'application/merge-patch+json',
  /** RFC 6902: a list of operations, of which `test` makes a patch conditional. */
  json: 'application/json-patch+json',
  /** Server-side apply. https://kubernetes.io/docs/reference/using-api/server-side-apply/ */
  apply: 'application/apply-patch+yaml',
} as const;

/** Who we are in `managedFields`. */
export const FIELD_MANAGER = 'orrery';

const PAGE_SIZE = 500;
/** Connections are made anew after so long, so that renewed client certificates come into use. */
const DISPATCHER_MS_MAX = 600_000;

/** A collection at one moment. */
export interface Listing<T> {
  readonly items: readonly T[];
  /** Of the collection: a watch from here on misses nothing. */
  readonly resourceVersion: string;
}

/**
 * The Kubernetes API by paths, in plain JSON. Configuration, credentials, TLS and proxies are those
 * of the official client; its generated classes are left out because they know no custom resources,
 * turn times into `Date`s and lose the body of a reply that is not JSON.
 *
 * Every call that fails throws an OrreryError with `details.status` and `details.reason`; a path that
 * does not exist reads as null.
 */
export interface KubernetesClient {
  readonly namespace: string;
  /** Address of the API server. */
  readonly server: string;
  get<T>(path: string, query?: Query): Promise<T | null>;
  /** All objects, however many pages. */
  list<T extends KubernetesObject>(path: string, query?: Query): Promise<Listing<T>>;
  /**
   * Creates with strict field validation, so that a field that the server does not know is refused
   * and not dropped. `null` when the name is taken.
   */
  create<T>(path: string, body: unknown): Promise<T | null>;
  /** null when there is nothing under this path. */
  patch<T>(path: string, kind: keyof typeof PATCH_TYPES, body: unknown): Promise<T | null>;
  /** True when this call began the deletion, false when there is nothing under this path. */
  remove(
    path: string,
    options?: { readonly uid?: string; readonly propagation?: 'Background' | 'Foreground' },
  ): Promise<boolean>;
  /** Runs a command in a container of a pod: see `execInPod`. */
  exec(command: Omit<PodCommand, 'namespace'>): Promise<PodCommandEnd>;
  /** A reply whose body is still to come, for watches. */
  stream(path: string, query: Query, signal: AbortSignal): Promise<ReadableStream<Uint8Array>>;
  close(): Promise<void>;
}

/** @throws OrreryError SETTINGS_INVALID when the kubeconfig cannot be read or has no such context */
export function connectKubernetes(settings: KubernetesSettings): KubernetesClient {
  return new Client(loadConfig(settings), settings);
}

function loadConfig(settings: KubernetesSettings): KubeConfig {
  const config = new KubeConfig();
  try {
    if (settings.kubeconfig === undefined) config.loadFromDefault();
    else config.loadFromFile(settings.kubeconfig);
  } catch (cause) {
    throw new OrreryError(
      'SETTINGS_INVALID',
      `Cannot read the kubeconfig ${settings.kubeconfig ?? 'of the default chain'}: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
  const currentContext = settings.context ?? config.currentContext;
  const context = config.getContextObject(currentContext);
  const cluster = context === null ? null : config.getCluster(context.cluster);
  if (context === null || cluster === null) {
    const known = config.getContexts().map(({ name }) => name);
    throw new OrreryError(
      'SETTINGS_INVALID',
      `Cannot use the context "${currentContext}": the kubeconfig has [${known.join(', ')}]`,
    );
  }
  const { caData, ...withoutCa } = cluster;
  const reached: Cluster = {
    ...(settings.caFile === undefined
      ? { ...withoutCa, ...(caData === undefined ? {} : { caData }) }
      : { ...withoutCa, caFile: settings.caFile }),
    ...(settings.proxyUrl === undefined ? {} : { proxyUrl: settings.proxyUrl }),
  };
  const ours = new KubeConfig();
  ours.loadFromOptions({
    clusters: [reached],
    users: config.getUsers(),
    contexts: [context],
    currentContext,
  });
  return ours;
}

class Client implements KubernetesClient {
  readonly namespace: string;
  readonly server: string;
  readonly #config: KubeConfig;
  readonly #timeoutMs: number;
  readonly #http = createConfiguration().httpApi;
  #dispatcher: { readonly value: Dispatcher; readonly since: number } | null = null;

  constructor(config: KubeConfig, { namespace, timeoutMs }: KubernetesSettings) {
    this.#config = config;
    this.#timeoutMs = timeoutMs;
    this.namespace = namespace;
    this.server = config.getCurrentCluster()?.server.replace(/\/$/, '') ?? '';
  }

  async get<T>(path: string, query: Query = {}): Promise<T | null> {
    return this.#unlessAbsent(this.#call<T>('GET', path, { query }));
  }

  async list<T extends KubernetesObject>(path: string, query: Query = {}): Promise<Listing<T>> {
    const items: T[] = [];
    let next = '';
    for (;;) {
      const page = { ...query, limit: PAGE_SIZE, ...(next === '' ? {} : { continue: next }) };
      const reply = await this.#call<Page<T>>('GET', path, { query: page });
      items.push(...(reply.items ?? []));
      next = reply.metadata?.continue ?? '';
      if (next === '') return { items, resourceVersion: reply.metadata?.resourceVersion ?? '' };
    }
  }

  async create<T>(path: string, body: unknown): Promise<T | null> {
    const query = { fieldValidation: 'Strict', fieldManager: FIELD_MANAGER };
    try {
      return await this.#call<T>('POST', path, { query, body });
    } catch (error) {
      if (error instanceof OrreryError && error.details['reason'] === 'AlreadyExists') return null;
      throw error;
    }
  }

  async patch<T>(path: string, kind: keyof typeof PATCH_TYPES, body: unknown): Promise<T | null> {
    const query = {
      fieldValidation: 'Strict',
      fieldManager: FIELD_MANAGER,
      ...(kind === 'apply' ? { force: 'true' } : {}),
    };
    return this.#unlessAbsent(
      this.#call<T>('PATCH', path, { query, body, contentType: PATCH_TYPES[kind] }),
    );
  }

  async remove(
    path: string,
    {
      uid,
      propagation = 'Background',
    }: { uid?: string; propagation?: 'Background' | 'Foreground' } = {},
  ): Promise<boolean> {
    const body = {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      propagationPolicy: propagation,
      ...(uid === undefined ? {} : { preconditions: { uid } }),
    };
    return (await this.#unlessAbsent(this.#call<object>('DELETE', path, { body }))) !== null;
  }

  exec(command: Omit<PodCommand, 'namespace'>): Promise<PodCommandEnd> {
    const where = { ...command, namespace: this.namespace };
    return execInPod(this.#config, this.server, where, this.#timeoutMs);
  }

  async stream(path: string, query: Query, signal: AbortSignal) {
    const reply = await this.#send('GET', path, { query, signal });
    const body = reply.body.stream();
    if (reply.httpStatusCode === 200 && body !== null) return body;
    throw errorOfReply(`GET ${path}`, reply.httpStatusCode, await reply.body.text());
  }

  async close(): Promise<void> {
    await this.#dispatcher?.value.close();
    this.#dispatcher = null;
  }

  async #unlessAbsent<T>(call: Promise<T>): Promise<T | null> {
    try {
      return await call;
    } catch (error) {
      if (isAbsent(error)) return null;
      throw error;
    }
  }

  async #call<T>(method: string, path: string, options: CallOptions): Promise<T> {
    const action = `${method} ${path}`;
    const signal = AbortSignal.timeout(this.#timeoutMs);
    const reply = await this.#send(method, path, { ...options, signal });
    const text = await reply.body.text().catch((cause: unknown) => {
      throw errorOfCall(action, this.server, cause);
    });
    if (reply.httpStatusCode < 200 || reply.httpStatusCode > 299) {
      throw errorOfReply(action, reply.httpStatusCode, text);
    }
    try {
      return JSON.parse(text) as T;
    } catch {
      throw errorOfBody(action, reply.httpStatusCode, text);
    }
  }

  async #send(
    method: string,
    path: string,
    options: CallOptions & { signal: AbortSignal },
  ): Promise<ResponseContext> {
    const action = `${method} ${path}`;
    const url = new URL(`${this.server}${path}`);
    for (const [name, value] of Object.entries(options.query ?? {})) {
      url.searchParams.set(name, String(value));
    }
    const request = new RequestContext(url.href, method as HttpMethod);
    request.setHeaderParam('Accept', 'application/json');
    request.setHeaderParam('User-Agent', FIELD_MANAGER);
    if (options.body !== undefined) {
      request.setHeaderParam('Content-Type', options.contentType ?? 'application/json');
      request.setBody(JSON.stringify(options.body));
    }
    request.setSignal(options.signal);
    try {
      await this.#config.applySecurityAuthentication(request);
    } catch (cause) {
      throw errorOfCredentials(action, cause);
    }
    this.#reuseConnections(request);
    try {
      return await this.#http.send(request).toPromise();
    } catch (cause) {
      throw errorOfCall(action, this.server, cause);
    }
  }

  /** The official client makes a pool of connections for every call: one pool serves them all here. */
  #reuseConnections(request: RequestContext): void {
    const fresh = request.getDispatcher() as Dispatcher | undefined;
    if (fresh === undefined) return;
    const now = performance.now();
    if (this.#dispatcher === null || now - this.#dispatcher.since > DISPATCHER_MS_MAX) {
      this.#dispatcher?.value.close().catch(() => undefined);
      this.#dispatcher = { value: fresh, since: now };
    }
    request.setDispatcher(this.#dispatcher.value as never);
  }
}

interface Page<T> {
  readonly items?: readonly T[];
  readonly metadata?: { readonly continue?: string; readonly resourceVersion?: string };
}

interface Dispatcher {
  close(): Promise<void>;
}

interface CallOptions {
  readonly query?: Query;
  readonly body?: unknown;
  readonly contentType?: string;
}
