import { readFile } from 'node:fs/promises';
import { Agent, fetch, ProxyAgent, type Dispatcher, type FormData } from 'undici';
import type { z } from 'zod';

import { OrreryError } from '../../../core/errors.ts';
import { refused } from './errors.ts';
import type { KfpSettings } from './settings.ts';

export interface KfpRequest<Value> {
  /** Completes “Cannot …”, such as `read run 3f…`. */
  readonly action: string;
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** From `/apis` on; path members are encoded by `pathOf`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly form?: FormData;
  readonly reply: z.ZodType<Value>;
}

/** What a call brought, and the far side's own clock. */
export interface KfpReply<Value> {
  readonly value: Value;
  /** Milliseconds since 1970 by its `Date` header (whole seconds); our clock where it sends none. */
  readonly farNow: number;
}

/** Errors of the socket after which nothing can have reached the far side. */
const UNSENT = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT'];

/** JSON over HTTP with a bearer token, a custom authority and a proxy; errors are of the catalogue. */
export class KfpHttp {
  readonly #settings: KfpSettings;
  readonly #dispatcher: Dispatcher;

  private constructor(settings: KfpSettings, dispatcher: Dispatcher) {
    this.#settings = settings;
    this.#dispatcher = dispatcher;
  }

  /** @throws OrreryError SETTINGS_INVALID when the authority's file cannot be read */
  static async open(settings: KfpSettings): Promise<KfpHttp> {
    const tls = settings.caFile === undefined ? {} : { ca: await readCa(settings.caFile) };
    const { proxy } = settings;
    const dispatcher =
      proxy === undefined
        ? new Agent({ connect: tls })
        : new ProxyAgent({ uri: proxy, requestTls: tls, proxyTls: tls });
    return new KfpHttp(settings, dispatcher);
  }

  close(): Promise<void> {
    return this.#dispatcher.destroy();
  }

  async call<Value>(request: KfpRequest<Value>): Promise<KfpReply<Value>> {
    const response = await this.#send(request);
    const { status } = response;
    const farNow = Date.parse(response.headers.get('date') ?? '') || Date.now();
    const text = await response.text().catch((error: unknown) => {
      throw unreachable(request.action, error);
    });
    const json = parseJson(text);
    // A 404 that is no JSON comes from something in between, and says nothing about the run.
    if (!response.ok && !(status === 404 && json === undefined)) {
      throw refused(request.action, { status, ...told(json, text) });
    }
    const parsed = json === undefined ? null : request.reply.safeParse(json);
    if (parsed?.success) return { value: parsed.data, farNow };
    throw new OrreryError(
      'REPLY_MALFORMED',
      `Cannot ${request.action}: Kubeflow Pipelines answers ${status} with ` +
        `${parsed === null ? 'something that is not JSON' : parsed.error.issues[0]?.message}: ${text.slice(0, 200)}`,
    );
  }

  async #send({ action, method, path, query, body, form }: KfpRequest<unknown>) {
    const url = new URL(this.#settings.url.replace(/\/$/, '') + path);
    for (const [name, value] of Object.entries(query ?? {})) url.searchParams.set(name, value);
    const headers: Record<string, string> = { accept: 'application/json' };
    const token = await this.#token(action);
    if (token !== null) headers['authorization'] = `Bearer ${token}`;
    if (body !== undefined) headers['content-type'] = 'application/json';
    try {
      return await fetch(url, {
        method,
        headers,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(form === undefined ? {} : { body: form }),
        redirect: 'manual',
        dispatcher: this.#dispatcher,
        signal: AbortSignal.timeout(this.#settings.requestSecondsMax * 1000),
      });
    } catch (error) {
      throw unreachable(action, error);
    }
  }

  async #token(action: string): Promise<string | null> {
    const { tokenFile } = this.#settings;
    if (tokenFile === undefined) return null;
    const text = await readFile(tokenFile, 'utf8').catch((cause: unknown) => {
      throw new OrreryError(
        'CREDENTIALS_INVALID',
        `Cannot ${action}: the token file ${tokenFile} cannot be read`,
        { cause },
      );
    });
    return text.trim();
  }
}

/**
 * `/apis/v2beta1/runs/<id>:retry` with every member encoded: an id may hold any character.
 * @throws OrreryError NOT_FOUND for the members that no encoding makes safe: they name a folder
 */
export function pathOf(strings: TemplateStringsArray, ...members: readonly string[]): string {
  const folder = members.find((member) => ['', '.', '..'].includes(member));
  if (folder !== undefined) {
    throw new OrreryError('NOT_FOUND', `Cannot ask for "${folder}": nothing can have this id`);
  }
  const path = strings.map((text, at) => text + encodeURIComponent(members[at] ?? '')).join('');
  return `/apis/v2beta1/${path}`;
}

async function readCa(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((cause: unknown) => {
    throw new OrreryError('SETTINGS_INVALID', `Cannot read kfp.caFile ${path}`, { cause });
  });
}

function parseJson(text: string): unknown {
  if (text.trim() === '') return {};
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function told(json: unknown, text: string) {
  const body = (typeof json === 'object' && json !== null ? json : {}) as Record<string, unknown>;
  const message = body['message'] ?? body['error'];
  return {
    rpcCode: typeof body['code'] === 'number' ? body['code'] : null,
    told: typeof message === 'string' ? message : text,
  };
}

function unreachable(action: string, cause: unknown): OrreryError {
  const { code, message } = rootOf(cause);
  if (/certificate|self.signed|ERR_TLS|UNABLE_TO_VERIFY/i.test(`${code} ${message}`)) {
    return new OrreryError(
      'SETTINGS_INVALID',
      `Cannot ${action}: the certificate of Kubeflow Pipelines is not trusted (${message}), wanted its authority in kfp.caFile`,
      { cause },
    );
  }
  const sent = !UNSENT.includes(code);
  return new OrreryError(
    'BACKEND_UNAVAILABLE',
    `Cannot ${action}: Kubeflow Pipelines does not answer (${[code, message].filter(Boolean).join(' ')})`,
    { cause, details: { sent } },
  );
}

function rootOf(error: unknown): { readonly code: string; readonly message: string } {
  const { cause } = error as { cause?: unknown };
  if (typeof cause === 'object' && cause !== null && 'message' in cause) return rootOf(cause);
  const { code, message } = error as { code?: unknown; message?: string };
  return { code: typeof code === 'string' ? code : '', message: message ?? String(error) };
}
