import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OrreryError } from '../../core/errors.ts';
import type { Signer } from '../../core/ports/signer.ts';
import { ed25519KeyId } from '../../kernels/evidence/approval.ts';
import { signEnvelope, verifyEnvelope } from '../../kernels/evidence/dsse.ts';
import { keyPaths } from './keys.ts';
import type { LocalSettings } from './settings.ts';

const PUBLIC_SUFFIX = '.pub.pem';

/**
 * Signs with the key file of this machine. Keys are read at each call, so that enrolling an
 * approver or changing the key needs no restart.
 */
export function createSigner({ home }: Pick<LocalSettings, 'home'>): Signer {
  const paths = keyPaths(home);
  return {
    sign: async (payloadType, payload) =>
      signEnvelope(await readKey(paths.signer), payloadType, payload),
    verify: async (envelope) => verifyEnvelope(await readKey(paths.signerPublic), envelope),
    async approver(keyId) {
      const files = await readdir(paths.approvers).catch((error: unknown) => {
        throw unavailable(paths.approvers, error);
      });
      for (const file of files.filter((name) => name.endsWith(PUBLIC_SUFFIX)).toSorted()) {
        const publicKey = await readKey(join(paths.approvers, file));
        if (ed25519KeyId(publicKey) === keyId) {
          return { name: file.slice(0, -PUBLIC_SUFFIX.length), publicKey };
        }
      }
      return null;
    },
  };
}

async function readKey(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw unavailable(path, error);
  }
}

function unavailable(path: string, cause: unknown): OrreryError {
  return new OrreryError(
    'SIGNER_UNAVAILABLE',
    `Cannot read the keys in "${path}": ${String(cause)}, wanted readable PEM files`,
    { cause },
  );
}
