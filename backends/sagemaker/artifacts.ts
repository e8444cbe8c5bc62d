import { createHash } from 'node:crypto';
import { OrreryError } from '../../core/errors.ts';
import type { ArtifactRef, Artifacts } from '../../core/ports/artifacts.ts';
import { placeOf } from './store.ts';
import type { Store } from './store.ts';

const DIGEST_PATTERN = /^[0-9a-f]{64}$/;

/** Objects named by their digest under `<store>/artifacts/sha256/`. */
export function createArtifacts(store: Store): Artifacts {
  const put = async (bytes: Uint8Array): Promise<ArtifactRef> => {
    const own = bytes.slice();
    const ref = refOf(store, own);
    await store.put(ref.uri, own);
    return ref;
  };
  return {
    put,
    async import(uri) {
      if (placeOf(uri) === null) throw unreadable(uri, 'it is no s3://bucket/key');
      const bytes = await store.bytes(uri).catch((error: unknown) => {
        if (!(error instanceof OrreryError) || !DENIALS.has(error.code)) throw error;
        throw unreadable(uri, error.message, error);
      });
      if (bytes === null) throw unreadable(uri, 'nothing lies there');
      return put(bytes);
    },
    async read(ref) {
      const bytes = await store.bytes(contentUri(store, ref.sha256));
      if (bytes === null) {
        throw new OrreryError(
          'ARTIFACT_MISSING',
          `Cannot read the artifact ${ref.sha256}: ${contentUri(store, ref.sha256)} is not there, wanted ${ref.bytes} bytes`,
        );
      }
      const found = createHash('sha256').update(bytes).digest('hex');
      if (found === ref.sha256) return bytes;
      throw new OrreryError(
        'ARTIFACT_CORRUPT',
        `Cannot read the artifact ${ref.sha256}: its bytes have the digest ${found}, wanted that of its name`,
      );
    },
    has: async (ref) => (await store.size(contentUri(store, ref.sha256))) === ref.bytes,
  };
}

const DENIALS = new Set(['ACCESS_DENIED', 'NOT_FOUND', 'SPEC_REJECTED']);

/** Where the bytes of a digest lie. @throws OrreryError ARTIFACT_MISSING for what is no digest */
export function contentUri(store: Store, sha256: string): string {
  if (DIGEST_PATTERN.test(sha256)) {
    return store.uri(`artifacts/sha256/${sha256.slice(0, 2)}/${sha256}`);
  }
  throw new OrreryError(
    'ARTIFACT_MISSING',
    `Cannot find the artifact "${sha256}": it is no digest, wanted 64 hexadecimal digits`,
  );
}

function refOf(store: Store, bytes: Uint8Array): ArtifactRef {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { uri: contentUri(store, sha256), sha256, bytes: bytes.length };
}

function unreadable(uri: string, state: string, cause?: unknown): OrreryError {
  return new OrreryError(
    'DATA_UNREADABLE',
    `Cannot import "${uri}": ${state}, wanted a readable object (s3://…)`,
    { cause },
  );
}
