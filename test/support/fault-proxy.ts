/**
 * A reverse proxy on loopback that does to HTTP calls what networks do: it stands between a backend
 * and its real counterpart, so that a crash or a lost reply is made on the wire and nowhere else.
 * It speaks http or https on either side. WebSockets are not passed on.
 */
import { createServer, request as requestHttp } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer as createTlsServer, request as requestHttps } from 'node:https';
import type { AddressInfo } from 'node:net';

/**
 * What happens to one call.
 * - `reset-before`: the connection is cut and the far side sees nothing.
 * - `reset-after`: the far side answers, then the connection is cut instead of the reply.
 * - `status`: this status and body are answered, and the far side sees nothing.
 * - `html`: 502 with a page of HTML, as a gateway answers; the far side sees nothing.
 * - `garbled`: the far side answers, and its status comes with a page of HTML in place of its body.
 * - `slow`: passed on at once, answered `ms` later: longer than the client's limit for a slow success.
 * - `delay`: passed on `ms` later.
 * - `hold-before`, `hold-after`: never answered; the far side has not seen it, or has answered it.
 *   Wait with `held`, then kill the process that called.
 */
export type ProxyFault =
  | { readonly kind: 'reset-before' | 'reset-after' | 'html' | 'garbled' }
  | { readonly kind: 'hold-before' | 'hold-after' }
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly body?: string;
      readonly contentType?: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'slow' | 'delay'; readonly ms: number };

/** A call as the proxy got it. */
export interface ProxiedCall {
  /** 1, 2, …: order of arrival. */
  readonly nth: number;
  readonly method: string;
  /** Path with query, as the client sent it. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** What became of a call. */
export interface ProxiedOutcome {
  readonly call: ProxiedCall;
  readonly fault: ProxyFault | null;
  /** Status of the far side; null while or when it was not asked. */
  upstreamStatus: number | null;
}

export type DecideFault = (call: ProxiedCall) => ProxyFault | null;

export interface FaultProxy {
  /** `http://127.0.0.1:port` or `https://…`, without a slash at the end. */
  readonly url: string;
  /** Every call so far, oldest first. */
  readonly outcomes: readonly ProxiedOutcome[];
  /** Puts another decision in place of the present one, for calls that come from now on. */
  decide(decide: DecideFault): void;
  /** Resolves once so many calls are held. */
  held(count: number): Promise<void>;
  close(): Promise<void>;
}

export interface FaultProxyOptions {
  /** Origin of the far side, with a path prefix if it has one. */
  readonly upstream: string;
  /** PEM of the authority of an https far side; the system's when absent. */
  readonly upstreamCa?: string;
  /** PEM of key and certificate with which the proxy itself speaks https; http when absent. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Passes everything on by default. */
  readonly decide?: DecideFault;
}

const PAGE = '<html><head><title>Bad gateway</title></head><body>upstream is away</body></html>';
const HOP_BY_HOP = ['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'host'];

export async function startFaultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const proxy = new Proxy(options);
  await proxy.listen();
  return proxy;
}

class Proxy implements FaultProxy {
  url = '';
  readonly outcomes: ProxiedOutcome[] = [];
  readonly #options: FaultProxyOptions;
  readonly #upstream: URL;
  readonly #server: Server;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #waiting: { readonly count: number; readonly resolve: () => void }[] = [];
  #decide: DecideFault;
  #held = 0;

  constructor(options: FaultProxyOptions) {
    this.#options = options;
    this.#upstream = new URL(options.upstream);
    this.#decide = options.decide ?? (() => null);
    const serve = (request: IncomingMessage, response: ServerResponse) => {
      this.#serve(request, response).catch(() => response.destroy());
    };
    this.#server =
      options.tls === undefined ? createServer(serve) : createTlsServer(options.tls, serve);
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const { port } = this.#server.address() as AddressInfo;
    this.url = `${this.#options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
  }

  decide(decide: DecideFault): void {
    this.#decide = decide;
  }

  held(count: number): Promise<void> {
    if (this.#held >= count) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ count, resolve }));
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url: path = '/', headers } = request;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const call: ProxiedCall = { nth: this.outcomes.length + 1, method, path, headers, body };
    const outcome: ProxiedOutcome = { call, fault: this.#decide(call), upstreamStatus: null };
    this.outcomes.push(outcome);
    await this.#carryOut(outcome, response);
  }

  async #carryOut(outcome: ProxiedOutcome, response: ServerResponse): Promise<void> {
    const { fault } = outcome;
    if (fault === null) return this.#passOn(outcome, response);
    switch (fault.kind) {
      case 'reset-before':
        return cut(response);
      case 'reset-after':
        await this.#ask(outcome);
        return cut(response);
      case 'html':
        response.writeHead(502, { 'content-type': 'text/html' }).end(PAGE);
        return;
      case 'garbled':
        await this.#ask(outcome);
        response.writeHead(outcome.upstreamStatus ?? 200, { 'content-type': 'text/html' });
        response.end(PAGE);
        return;
      case 'status':
        response.writeHead(fault.status, {
          'content-type': fault.contentType ?? 'application/json',
          ...fault.headers,
        });
        response.end(fault.body ?? '{"message":"the proxy says no"}');
        return;
      case 'delay':
        await this.#pause(fault.ms);
        return this.#passOn(outcome, response);
      case 'slow': {
        const reply = await this.#ask(outcome);
        await this.#pause(fault.ms);
        response.writeHead(reply.status, reply.headers).end(reply.body);
        return;
      }
      case 'hold-after':
        await this.#ask(outcome);
        return this.#hold();
      case 'hold-before':
        return this.#hold();
    }
  }

  #hold(): void {
    this.#held += 1;
    for (const { count, resolve } of this.#waiting) if (this.#held >= count) resolve();
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        resolve();
      }, ms);
      this.#timers.add(timer);
    });
  }

  /** Streams the reply, so that a watch works; a client that goes away ends it on the far side too. */
  #passOn(outcome: ProxiedOutcome, response: ServerResponse): Promise<void> {
    return new Promise((resolve) => {
      const upstream = this.#send(outcome, (reply) => {
        response.writeHead(reply.statusCode ?? 502, withoutHops(reply.headers));
        response.flushHeaders();
        reply.pipe(response);
        reply.on('error', () => cut(response));
        reply.on('close', resolve);
      });
      upstream.on('error', () => {
        cut(response);
        resolve();
      });
      response.on('close', () => upstream.destroy());
    });
  }

  /** The whole reply, whatever has become of the client. */
  #ask(outcome: ProxiedOutcome): Promise<{
    readonly status: number;
    readonly headers: IncomingHttpHeaders;
    readonly body: Buffer;
  }> {
    return new Promise((resolve, reject) => {
      const upstream = this.#send(outcome, (reply) => {
        const chunks: Buffer[] = [];
        reply.on('data', (chunk: Buffer) => chunks.push(chunk));
        reply.on('error', reject);
        reply.on('end', () =>
          resolve({
            status: reply.statusCode ?? 502,
            headers: withoutHops(reply.headers),
            body: Buffer.concat(chunks),
          }),
        );
      });
      upstream.on('error', reject);
    });
  }

  #send(outcome: ProxiedOutcome, onReply: (reply: IncomingMessage) => void) {
    const { method, path, headers, body } = outcome.call;
    const { protocol, hostname, port, pathname } = this.#upstream;
    const send = protocol === 'https:' ? requestHttps : requestHttp;
    const request = send({
      host: hostname,
      ...(port === '' ? {} : { port }),
      method,
      path: `${pathname.replace(/\/$/, '')}${path}`,
      headers: { ...withoutHops(headers), 'content-length': body.length },
      ...(this.#options.upstreamCa === undefined ? {} : { ca: this.#options.upstreamCa }),
    });
    request.on('response', (reply: IncomingMessage) => {
      outcome.upstreamStatus = reply.statusCode ?? null;
      onReply(reply);
    });
    request.end(body);
    return request;
  }
}

function cut(response: ServerResponse): void {
  response.socket?.resetAndDestroy();
}

function withoutHops(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.includes(name)));
}
