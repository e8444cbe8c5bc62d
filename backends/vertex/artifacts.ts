import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { sha256Hex } from '../../core/canonical.ts';
import { OrreryError } from '../../core/errors.ts';
import type { ArtifactRef, Artifacts } from '../../core/ports/artifacts.ts';
import type { ObjectStore } from '../connections/google/storage.ts';
import type { VertexSettings } from './settings.ts';

/**
 * Content-addressed objects under `<root>/artifacts`, created and never replaced. What a job wrote
 * lies where its manifest says, and is read from there while the store has no copy.
 */
export function createArtifacts(
  { storage }: Pick<VertexSettings, 'storage'>,
  store: ObjectStore,
): Artifacts {
  const uriOf = (sha256: string) => `${storage.root}/artifacts/${sha256}`;
  const put = async (given: Uint8Array): Promise<ArtifactRef> => {
    // The caller may go on writing into its array while the bytes are on their way.
    const bytes = Uint8Array.from(given);
    const sha256 = sha256Hex(bytes);
    await store.create(uriOf(sha256), bytes);
    return { uri: uriOf(sha256), sha256, bytes: bytes.length };
  };
  return {
    put,
    import: async (uri) => put(await readFrom(store, uri)),
    async read(ref) {
      const bytes = (await store.read(uriOf(ref.sha256))) ?? (await readNamed(store, ref.uri));
      if (bytes === null) {
        throw new OrreryError(
          'ARTIFACT_MISSING',
          `Cannot read ${ref.sha256}: there is no ${uriOf(ref.sha256)}, nor anything at "${ref.uri}"`,
        );
      }
      const found = sha256Hex(bytes);
      if (found === ref.sha256) return bytes;
      throw new OrreryError(
        'ARTIFACT_CORRUPT',
        `Cannot read ${ref.sha256}: the bytes at ${uriOf(ref.sha256)} or "${ref.uri}" have the digest ${found}`,
      );
    },
    async has(ref) {
      const size =
        (await store.size(uriOf(ref.sha256))) ??
        (isObject(ref.uri) ? await store.size(ref.uri) : null);
      return size === ref.bytes;
    },
  };
}

const isObject = (uri: string): boolean => uri.startsWith('gs://');

async function readNamed(store: ObjectStore, uri: string): Promise<Uint8Array | null> {
  return isObject(uri) ? store.read(uri) : null;
}

/** @throws OrreryError DATA_UNREADABLE */
async function readFrom(store: ObjectStore, uri: string): Promise<Uint8Array> {
  const unreadable = (state: string, cause?: unknown) =>
    new OrreryError(
      'DATA_UNREADABLE',
      `Cannot import "${uri}": ${state}, wanted a readable gs://… or file:///…`,
      { cause },
    );
  if (isObject(uri)) {
    const bytes = await store.read(uri);
    if (bytes === null) throw unreadable('there is no such object');
    return bytes;
  }
  try {
    return await readFile(fileURLToPath(uri));
  } catch (error) {
    throw unreadable(String(error), error);
  }
}
