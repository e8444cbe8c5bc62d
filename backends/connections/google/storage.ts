/**
 * Cloud Storage objects over its JSON API (https://cloud.google.com/storage/docs/json_api), as far as
 * jobs need them: a whole object at a time, and creation that never replaces.
 */
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { OrreryError } from '../../../core/errors.ts';
import type { ErrorCode } from '../../../core/errors.ts';
import type { GoogleAccess } from './clients.ts';

const OBJECT_PATTERN = /^gs:\/\/([a-z0-9][a-z0-9._-]{1,220}[a-z0-9])\/(.+)$/;
const GONE_STATUSES = [404, 410];

/** What is read and written of a bucket. */
export interface ObjectStore {
  /** null when there is no such object. */
  read(uri: string, generation?: string): Promise<Uint8Array | null>;
  /** Size in bytes; null when there is no such object. */
  size(uri: string): Promise<number | null>;
  /** Creates the object unless it exists; says whether it did. */
  create(uri: string, bytes: Uint8Array): Promise<boolean>;
  /** Names the bucket's objects under the prefix, at most one, as a test of access. */
  probe(uri: string): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

/** @param endpoint `https://storage.googleapis.com`, or a counterpart on loopback */
export function createObjectStore(
  { requestHeaders, agent }: Pick<GoogleAccess, 'requestHeaders' | 'agent'>,
  { endpoint, timeoutMs }: { readonly endpoint: string; readonly timeoutMs: number },
): ObjectStore {
  const call = async (action: string, method: string, path: string, body?: Uint8Array) => {
    const url = new URL(path, endpoint);
    const headers = await requestHeaders(url.href).catch((error: unknown) => {
      throw new OrreryError('CREDENTIALS_INVALID', `Cannot ${action}: ${String(error)}`, {
        cause: error,
      });
    });
    return send({ url, method, headers, agent, timeoutMs, action, ...(body && { body }) });
  };
  const object = (uri: string) => {
    const { bucket, name } = splitUri(uri);
    return `/storage/v1/b/${bucket}/o/${encodeURIComponent(name)}`;
  };
  return {
    async read(uri, generation) {
      const pinned =
        generation === undefined ? '' : `&generation=${encodeURIComponent(generation)}`;
      const action = `read ${uri}`;
      const { status, body } = await call(action, 'GET', `${object(uri)}?alt=media${pinned}`);
      if (GONE_STATUSES.includes(status)) return null;
      return checked(action, status, body);
    },
    async size(uri) {
      const action = `look up ${uri}`;
      const { status, body } = await call(action, 'GET', `${object(uri)}?fields=size`);
      if (GONE_STATUSES.includes(status)) return null;
      return Number(
        (JSON.parse(checked(action, status, body).toString()) as { size: string }).size,
      );
    },
    async create(uri, bytes) {
      const { bucket, name } = splitUri(uri);
      const action = `write ${uri}`;
      const path = `/upload/storage/v1/b/${bucket}/o?uploadType=media&ifGenerationMatch=0&name=${encodeURIComponent(name)}`;
      const { status, body } = await call(action, 'POST', path, bytes);
      // Precondition failed: an object of this name exists.
      if (status === 412) return false;
      checked(action, status, body);
      return true;
    },
    async probe(uri) {
      const { bucket, name } = splitUri(uri);
      const action = `list ${uri}`;
      const path = `/storage/v1/b/${bucket}/o?maxResults=1&fields=kind&prefix=${encodeURIComponent(name)}`;
      const { status, body } = await call(action, 'GET', path);
      checked(action, status, body);
    },
  };
}

/** Bucket and object name of `gs://bucket/name`. @throws OrreryError SPEC_REJECTED */
export function splitUri(uri: string): { readonly bucket: string; readonly name: string } {
  const [, bucket, name] = OBJECT_PATTERN.exec(uri) ?? [];
  if (bucket !== undefined && name !== undefined) return { bucket, name };
  throw new OrreryError(
    'SPEC_REJECTED',
    `Cannot use "${uri}" as an object: it is no address of Cloud Storage, wanted gs://bucket/name`,
  );
}

interface Send {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly agent: GoogleAccess['agent'];
  readonly timeoutMs: number;
  readonly action: string;
  readonly body?: Uint8Array;
}

function send(call: Send): Promise<Answer> {
  const { url, method, headers, agent, timeoutMs, action, body } = call;
  return new Promise((resolve, reject) => {
    const failed = (cause: unknown) =>
      reject(
        new OrreryError(
          'BACKEND_UNAVAILABLE',
          `Cannot ${action}: Cloud Storage answers nothing (${String(cause)})`,
          { cause },
        ),
      );
    const request = (url.protocol === 'http:' ? requestHttp : requestHttps)(
      url,
      {
        method,
        agent,
        headers: { ...headers, ...(body && { 'content-length': body.length }) },
        signal: AbortSignal.timeout(timeoutMs),
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', failed);
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) }),
        );
      },
    );
    request.on('error', (error: NodeJS.ErrnoException) => {
      // The far side closed a connection that was kept for reuse; every call here may be made twice.
      if (error.code !== 'ECONNRESET' || !request.reusedSocket) return failed(error);
      send(call).then(resolve, reject);
    });
    request.end(body);
  });
}

function checked(action: string, status: number, body: Buffer): Buffer {
  if (status >= 200 && status < 300) return body;
  throw new OrreryError(
    codeOfStatus(status),
    `Cannot ${action}: Cloud Storage answers ${status} (${messageOf(body)})`,
  );
}

function codeOfStatus(status: number): ErrorCode {
  if (status === 401) return 'CREDENTIALS_INVALID';
  if (status === 403) return 'ACCESS_DENIED';
  if (status === 404) return 'NOT_FOUND';
  if (status === 429 || status >= 500) return 'BACKEND_UNAVAILABLE';
  return 'SPEC_REJECTED';
}

function messageOf(body: Buffer): string {
  const text = body.toString('utf8');
  try {
    return (JSON.parse(text) as { error: { message: string } }).error.message;
  } catch {
    return text.slice(0, 200);
  }
}
