/**
 * The files of the artifact store, which workers and the host agent share:
 * `<home>/artifacts/sha256/<first two digits>/<digest>`, read-only, written under a temporary name
 * in `<home>/artifacts/incoming/` and renamed when whole.
 */
import { createHash } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { OrreryError } from '../../core/errors.ts';
import type { ArtifactRef } from '../../core/ports/artifacts.ts';
import { diskError, errnoOf, syncFolder, temporaryName } from './disk.ts';

/** An incoming file that nobody finished for so long belongs to a dead process, milliseconds. */
const INCOMING_MS_MAX = 24 * 3600 * 1000;
/** Size of the pieces in which files are read, bytes. */
const CHUNK_BYTES = 1_048_576;
const DIGEST_PATTERN = /^[0-9a-f]{64}$/;

type Chunks = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** Where the bytes of a digest lie. @throws OrreryError ARTIFACT_MISSING for what is no digest */
export function contentPath(home: string, sha256: string): string {
  if (!DIGEST_PATTERN.test(sha256)) {
    throw new OrreryError(
      'ARTIFACT_MISSING',
      `Cannot find the artifact "${sha256}": it is no digest, wanted 64 hexadecimal digits`,
    );
  }
  return join(home, 'artifacts', 'sha256', sha256.slice(0, 2), sha256);
}

/**
 * Stores what a stream brings, hashing on the way. Bytes that are there already are replaced by
 * the same bytes, which also mends a damaged copy.
 *
 * @throws OrreryError DISK_FULL; errors of reading come as they are
 */
export async function storeContent(home: string, chunks: Chunks): Promise<ArtifactRef> {
  const incoming = join(home, 'artifacts', 'incoming');
  await mkdir(incoming, { recursive: true });
  const temporary = join(incoming, temporaryName());
  try {
    const { sha256, bytes } = await copyHashed(chunks, temporary, 0o444);
    const path = contentPath(home, sha256);
    await mkdir(dirname(path), { recursive: true });
    await rename(temporary, path);
    await syncFolder(dirname(path));
    return { uri: pathToFileURL(path).href, sha256, bytes };
  } catch (error) {
    await rm(temporary, { force: true });
    throw diskError(temporary, error);
  }
}

/**
 * Copies an artifact to a path, verifying it on the way. A copy and not a link, because a program
 * that writes into its input must not damage the store.
 *
 * @throws OrreryError ARTIFACT_MISSING, ARTIFACT_CORRUPT, DISK_FULL
 */
export async function stageContent(home: string, ref: ArtifactRef, target: string): Promise<void> {
  const source = contentPath(home, ref.sha256);
  try {
    const { sha256 } = await copyHashed(fileChunks(source), target, 0o644);
    if (sha256 !== ref.sha256) throw corrupt(ref, sha256);
  } catch (error) {
    throw errnoOf(error) === 'ENOENT' ? missing(ref, error) : diskError(target, error);
  }
}

export function missing(ref: ArtifactRef, cause?: unknown): OrreryError {
  return new OrreryError(
    'ARTIFACT_MISSING',
    `Cannot read the artifact ${ref.sha256}: the store has no such file, wanted ${ref.bytes} bytes`,
    { cause },
  );
}

export function corrupt(ref: ArtifactRef, found: string): OrreryError {
  return new OrreryError(
    'ARTIFACT_CORRUPT',
    `Cannot read the artifact ${ref.sha256}: its bytes have the digest ${found}, wanted that of its name`,
  );
}

/** Removes what dead processes left half-written. */
export async function sweepIncoming(home: string, nowMs: number): Promise<void> {
  const incoming = join(home, 'artifacts', 'incoming');
  const names = await readdir(incoming).catch(() => [] as string[]);
  for (const name of names) {
    const path = join(incoming, name);
    const facts = await stat(path).catch(() => null);
    if (facts !== null && nowMs - facts.mtimeMs > INCOMING_MS_MAX) await rm(path, { force: true });
  }
}

/** Reads a file piece by piece; nothing is opened before the first piece is asked for. */
export async function* fileChunks(path: string): AsyncGenerator<Uint8Array> {
  const file = await open(path, 'r');
  try {
    for (;;) {
      const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(CHUNK_BYTES));
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

async function copyHashed(
  chunks: Chunks,
  target: string,
  mode: number,
): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  const file = await open(target, 'wx', mode);
  try {
    for await (const chunk of chunks) {
      hash.update(chunk);
      bytes += chunk.length;
      await file.appendFile(chunk);
    }
    // Without it, a renamed file may be empty after a power cut.
    await file.sync();
  } finally {
    await file.close();
  }
  return { sha256: hash.digest('hex'), bytes };
}
