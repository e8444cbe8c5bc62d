import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { Contract } from './contract.ts';
import { Crash, Refusal } from './refusal.ts';
import { routeOf } from './routes.ts';
import { KfpWorld } from './world.ts';

export interface KfpServer {
  readonly url: string;
  readonly world: KfpWorld;
  /** What broke the contract so far, on either side. */
  readonly violations: readonly string[];
  close(): Promise<void>;
}

export interface KfpServerOptions {
  /** null: nothing looks at the messages. */
  readonly contract: Contract | null;
  /** The bearer token that is let in; everybody when absent. `readonly` is let in and may do nothing. */
  readonly token?: () => string;
}

/** The world behind KFP's HTTP API on a free loopback port. */
export async function serveKfp(options: KfpServerOptions): Promise<KfpServer> {
  const world = new KfpWorld();
  const violations: string[] = [];
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.socket?.resetAndDestroy());
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://kfp');
    const method = request.method ?? 'GET';
    const content = await read(request);
    try {
      authorise(request, options);
      const { body, file } = await bodyOf(request, content);
      const wrong = options.contract?.request(method, url, body) ?? [];
      violations.push(...wrong.map((what) => `${method} ${url.pathname}: ${what}`));
      if (wrong.length > 0) throw new Refusal('INVALID_ARGUMENT', wrong.join('; '));
      const { handler, path } = routeOf(method, url.pathname);
      const reply = await handler({ world, query: url.searchParams, path, body, file });
      const strange = options.contract?.reply(method, url, reply) ?? [];
      violations.push(...strange.map((what) => `reply to ${method} ${url.pathname}: ${what}`));
      send(response, 200, reply);
    } catch (error) {
      if (error instanceof Crash) response.socket?.resetAndDestroy();
      else if (error instanceof Refusal) send(response, error.status, error.body);
      else throw error;
    }
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    world,
    violations,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function authorise(request: IncomingMessage, { token }: KfpServerOptions): void {
  if (token === undefined) return;
  const shown = request.headers.authorization;
  if (shown === 'Bearer readonly') {
    throw new Refusal(
      'PERMISSION_DENIED',
      'Failed to authorize with API: PermissionDenied: User is not authorized with reason: Failed to authorize namespace',
    );
  }
  if (shown === `Bearer ${token()}`) return;
  throw new Refusal('UNAUTHENTICATED', 'Request header error: there is no valid user identity');
}

async function read(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function bodyOf(request: IncomingMessage, content: Buffer) {
  const type = request.headers['content-type'] ?? '';
  if (!type.startsWith('multipart/form-data')) {
    const body = content.length === 0 ? {} : (JSON.parse(content.toString()) as object);
    return { body: body as Record<string, unknown>, file: '' };
  }
  const form = await new Response(new Uint8Array(content), {
    headers: { 'content-type': type },
  }).formData();
  const upload = form.get('uploadfile');
  return { body: {}, file: upload instanceof Blob ? await upload.text() : '' };
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
