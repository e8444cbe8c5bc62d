/**
 * Cloud Storage on loopback, as far as object reads, creations with `ifGenerationMatch=0` and lists
 * go. It differs from the real one in that nobody signs in, and that an object has one generation.
 */
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface StorageDouble {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  /** Status with which every call is answered; null to serve. */
  refusal: number | null;
  close(): Promise<void>;
}

export async function startStorage(objects: Map<string, Uint8Array>): Promise<StorageDouble> {
  const double = { url: '', refusal: null as number | null };
  const server = createServer((request, response) => {
    void readBody(request).then((body) => {
      if (double.refusal !== null) return fail(response, double.refusal, 'scripted');
      serve(objects, request, body, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  double.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return Object.assign(double, {
    close: () => {
      server.closeAllConnections();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    },
  });
}

function serve(
  objects: Map<string, Uint8Array>,
  { method, url }: IncomingMessage,
  body: Buffer,
  response: ServerResponse,
): void {
  const { pathname, searchParams } = new URL(url ?? '/', 'http://localhost');
  const [, bucket = ''] = /\/storage\/v1\/b\/([^/]+)\/o/.exec(pathname) ?? [];
  if (method === 'POST' && pathname.startsWith('/upload/')) {
    const uri = `gs://${bucket}/${searchParams.get('name')}`;
    if (searchParams.get('ifGenerationMatch') === '0' && objects.has(uri)) {
      return fail(response, 412, 'At least one of the pre-conditions you specified did not hold.');
    }
    objects.set(uri, body);
    return void response.end(JSON.stringify({ size: String(body.length) }));
  }
  const [, encoded] = /\/o\/(.+)$/.exec(pathname) ?? [];
  if (encoded === undefined) return void response.end(JSON.stringify({ kind: 'storage#objects' }));
  const bytes = objects.get(`gs://${bucket}/${decodeURIComponent(encoded)}`);
  if (bytes === undefined) return fail(response, 404, 'No such object');
  if (searchParams.get('alt') === 'media') return void response.end(bytes);
  response.end(JSON.stringify({ size: String(bytes.length) }));
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function fail(response: ServerResponse, status: number, message: string): void {
  response.statusCode = status;
  response.end(JSON.stringify({ error: { code: status, message } }));
}
