import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { OrreryError } from '../../core/errors.ts';
import type { Artifacts } from '../../core/ports/artifacts.ts';
import { contentPath, corrupt, fileChunks, missing, storeContent } from './content-store.ts';
import { errnoOf } from './disk.ts';
import type { LocalSettings } from './settings.ts';

/** Errors of a source that cannot be read, after open(2) and read(2). */
const UNREADABLE = new Set(['ENOENT', 'EACCES', 'EPERM', 'EISDIR', 'ENOTDIR', 'ELOOP', 'EIO']);

/** Content-addressed files under `<home>/artifacts`. */
export function createArtifacts({ home }: Pick<LocalSettings, 'home'>): Artifacts {
  return {
    put: (bytes) => storeContent(home, [bytes]),
    async import(uri) {
      const path = filePath(uri);
      try {
        return await storeContent(home, fileChunks(path));
      } catch (error) {
        const errno = errnoOf(error);
        if (errno === undefined || !UNREADABLE.has(errno)) throw error;
        throw unreadable(uri, `${errno} on ${path}`, error);
      }
    },
    async read(ref) {
      const bytes = await readFile(contentPath(home, ref.sha256)).catch((error: unknown) => {
        throw errnoOf(error) === 'ENOENT' ? missing(ref, error) : error;
      });
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      if (sha256 !== ref.sha256) throw corrupt(ref, sha256);
      return bytes;
    },
    async has(ref) {
      const facts = await stat(contentPath(home, ref.sha256)).catch(() => null);
      return facts !== null && facts.size === ref.bytes;
    },
  };
}

function filePath(uri: string): string {
  try {
    return fileURLToPath(uri);
  } catch (error) {
    throw unreadable(uri, 'it names no file of this machine', error);
  }
}

function unreadable(uri: string, state: string, cause: unknown): OrreryError {
  return new OrreryError(
    'DATA_UNREADABLE',
    `Cannot import "${uri}": ${state}, wanted a readable file (file:///…)`,
    { cause },
  );
}
