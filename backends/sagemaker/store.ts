import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import type { S3Client } from '@aws-sdk/client-s3';
import { asked, awsError, isMissing, isNamed } from '../connections/aws/errors.ts';

/** Where an object lies. */
export interface Place {
  readonly bucket: string;
  readonly key: string;
}

/** An object with the tag of its content, for a write that must not overtake another. */
export interface StoredText {
  readonly text: string;
  readonly etag: string;
}

/** `s3://bucket/key` in its parts; null for anything else. */
export function placeOf(uri: string): Place | null {
  const match = /^s3:\/\/([^/]+)\/(.+)$/.exec(uri);
  return match === null ? null : { bucket: match[1]!, key: match[2]! };
}

/** The part of S3 that is ours: everything under one prefix. */
export class Store {
  readonly #client: S3Client;
  readonly #prefix: string;

  constructor(client: S3Client, prefix: string) {
    this.#client = client;
    this.#prefix = prefix;
  }

  /** `s3://…` of a path under the prefix. */
  uri(path: string): string {
    return `${this.#prefix}/${path}`;
  }

  async put(uri: string, bytes: Uint8Array | string): Promise<void> {
    const { bucket, key } = wanted(uri);
    const command = new PutObjectCommand({ Bucket: bucket, Key: key, Body: bytes });
    await asked(`write ${uri}`, this.#client.send(command));
  }

  /** Writes unless there is something already, or unless it was written since. False: somebody was faster. */
  async putIf(
    uri: string,
    text: string,
    condition: { readonly absent: true } | { readonly etag: string },
  ): Promise<boolean> {
    const { bucket, key } = wanted(uri);
    const only = 'absent' in condition ? { IfNoneMatch: '*' } : { IfMatch: condition.etag };
    const command = new PutObjectCommand({ Bucket: bucket, Key: key, Body: text, ...only });
    try {
      await this.#client.send(command);
      return true;
    } catch (error) {
      // 412 and, for two conditional writes at one moment, 409 (“Conditional writes”, S3 user guide).
      if (isNamed(error, 'PreconditionFailed', 'ConditionalRequestConflict')) return false;
      throw awsError(error, `write ${uri}`);
    }
  }

  /** All bytes, or the first so many; null when nothing lies there. */
  async bytes(uri: string, countMax?: number): Promise<Uint8Array | null> {
    const { bucket, key } = wanted(uri);
    const range = countMax === undefined ? {} : { Range: `bytes=0-${countMax - 1}` };
    try {
      const command = new GetObjectCommand({ Bucket: bucket, Key: key, ...range });
      const reply = await this.#client.send(command);
      return (await reply.Body?.transformToByteArray()) ?? new Uint8Array();
    } catch (error) {
      if (isMissing(error)) return null;
      throw awsError(error, `read ${uri}`);
    }
  }

  async text(uri: string): Promise<StoredText | null> {
    const { bucket, key } = wanted(uri);
    try {
      const reply = await this.#client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      return { text: (await reply.Body?.transformToString()) ?? '', etag: reply.ETag ?? '' };
    } catch (error) {
      if (isMissing(error)) return null;
      throw awsError(error, `read ${uri}`);
    }
  }

  /** Length in bytes; null when nothing lies there. */
  async size(uri: string): Promise<number | null> {
    const { bucket, key } = wanted(uri);
    try {
      const reply = await this.#client.send(new HeadObjectCommand({ Bucket: bucket, Key: key }));
      return reply.ContentLength ?? 0;
    } catch (error) {
      if (isMissing(error)) return null;
      throw awsError(error, `look at ${uri}`);
    }
  }

  /** Copies inside S3. Returns the SHA-256 that S3 computed, in hexadecimal; null when it tells none. */
  async copy(from: string, to: string): Promise<string | null> {
    const source = wanted(from);
    const target = wanted(to);
    const command = new CopyObjectCommand({
      Bucket: target.bucket,
      Key: target.key,
      CopySource: `${source.bucket}/${source.key.split('/').map(encodeURIComponent).join('/')}`,
      ChecksumAlgorithm: 'SHA256',
    });
    const reply = await asked(`copy ${from} to ${to}`, this.#client.send(command));
    const checksum = reply.CopyObjectResult?.ChecksumSHA256;
    return checksum === undefined ? null : Buffer.from(checksum, 'base64').toString('hex');
  }

  /** Idempotent. */
  async remove(uri: string): Promise<void> {
    const { bucket, key } = wanted(uri);
    const command = new DeleteObjectCommand({ Bucket: bucket, Key: key });
    await asked(`remove ${uri}`, this.#client.send(command));
  }

  /** @throws OrreryError of the catalogue when the bucket cannot be used */
  async check(): Promise<void> {
    const { bucket } = wanted(`${this.#prefix}/x`);
    await asked(
      `look at the bucket "${bucket}"`,
      this.#client.send(new HeadBucketCommand({ Bucket: bucket })),
    );
  }
}

function wanted(uri: string): Place {
  const place = placeOf(uri);
  if (place === null)
    throw awsError(
      { name: 'ValidationException', message: `"${uri}" is no s3://bucket/key` },
      'find an object',
    );
  return place;
}
