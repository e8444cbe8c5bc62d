import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { sha256Hex } from '../../core/canonical.ts';
import { OrreryError } from '../../core/errors.ts';
import type { ArtifactRef, Artifacts } from '../../core/ports/artifacts.ts';
import type { Journal } from './journal.ts';
import type { FullScript } from './settings.ts';
import { drawTable } from './tables.ts';

/** The store seen from inside the world, where nothing waits. */
export interface SimStore extends Artifacts {
  keep(bytes: Uint8Array): ArtifactRef;
  /** @throws OrreryError ARTIFACT_MISSING */
  bytesOf(ref: ArtifactRef): Uint8Array;
}

export function createStore(script: FullScript, journal: Journal): SimStore {
  const contents = new Map<string, Uint8Array>();

  const keep = (bytes: Uint8Array): ArtifactRef => {
    const sha256 = sha256Hex(bytes);
    if (!contents.has(sha256)) {
      contents.set(sha256, bytes.slice());
      journal.add({ what: 'artifact.stored', sha256, bytes: bytes.length });
    }
    return { uri: `sim://sha256/${sha256}`, sha256, bytes: bytes.length };
  };
  const bytesOf = (ref: ArtifactRef): Uint8Array => {
    const bytes = contents.get(ref.sha256);
    if (bytes === undefined) {
      throw new OrreryError(
        'ARTIFACT_MISSING',
        `Cannot read ${ref.uri}: the store has nothing with the digest ${ref.sha256}`,
      );
    }
    return bytes;
  };
  return {
    keep,
    bytesOf,
    put: async (bytes) => keep(bytes),
    import: async (uri) => keep(await bytesFrom(uri, script)),
    read: async (ref) => bytesOf(ref),
    has: async (ref) => contents.has(ref.sha256),
  };
}

async function bytesFrom(uri: string, script: FullScript): Promise<Uint8Array> {
  const name = /^sim:\/\/(.+)$/.exec(uri)?.[1];
  if (name !== undefined) {
    const file = script.files[name];
    if (file === undefined) throw unreadable(uri, 'the script of the world has no such file');
    return 'text' in file
      ? new TextEncoder().encode(file.text)
      : drawTable(script.seed, name, file.rows, file.positiveShare, file.label);
  }
  if (!uri.startsWith('file://')) throw unreadable(uri, 'wanted file:// or sim://');
  try {
    return await readFile(fileURLToPath(uri));
  } catch (cause) {
    throw unreadable(uri, (cause as Error).message, cause);
  }
}

function unreadable(uri: string, state: string, cause?: unknown): OrreryError {
  return new OrreryError('DATA_UNREADABLE', `Cannot import ${uri}: ${state}`, { cause });
}
