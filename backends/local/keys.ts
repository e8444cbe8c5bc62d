/**
 * Keys under `<home>/keys`: `signer.pem` and `signer.pub.pem`, and for each approver
 * `approvers/<name>.pub.pem`. Approvers keep their private keys themselves; only those that
 * `ensureKeys` makes, for a demo on one machine, lie beside as `approvers/<name>.pem`.
 * Private keys have mode 0600.
 */
import { createPublicKey } from 'node:crypto';
import { chmod, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NAME_PATTERN } from '../../core/ids.ts';
import { OrreryError } from '../../core/errors.ts';
import { generateApproverKey, generateSignerKey } from '../../kernels/evidence/keys.ts';
import { createWhole } from './disk.ts';

const SECRET_MODE = 0o600;
const SECRET_FOLDER_MODE = 0o700;

export interface KeyPaths {
  readonly signer: string;
  readonly signerPublic: string;
  readonly approvers: string;
}

export function keyPaths(home: string): KeyPaths {
  const folder = join(home, 'keys');
  return {
    signer: join(folder, 'signer.pem'),
    signerPublic: join(folder, 'signer.pub.pem'),
    approvers: join(folder, 'approvers'),
  };
}

export function approverKeyPath(home: string, name: string): string {
  return join(keyPaths(home).approvers, `${name}.pem`);
}

/**
 * Makes the keys that are missing and leaves the others alone. Safe to run twice at once: the first
 * private key that is there wins, and its public half is derived from it.
 *
 * @throws OrreryError REQUEST_INVALID for a name that is none
 */
export async function ensureKeys(home: string, approvers: readonly string[]): Promise<KeyPaths> {
  const paths = keyPaths(home);
  await mkdir(paths.approvers, { recursive: true });
  await chmod(join(home, 'keys'), SECRET_FOLDER_MODE);
  await ensurePair(paths.signer, paths.signerPublic, generateSignerKey);
  for (const name of approvers) {
    if (!NAME_PATTERN.test(name)) {
      throw new OrreryError(
        'REQUEST_INVALID',
        `Cannot enrol the approver "${name}": the name must match ${NAME_PATTERN.source}`,
      );
    }
    const path = approverKeyPath(home, name);
    await ensurePair(path, path.replace(/\.pem$/, '.pub.pem'), generateApproverKey);
  }
  return paths;
}

async function ensurePair(
  privatePath: string,
  publicPath: string,
  generate: () => { privateKey: string },
): Promise<void> {
  await createWhole(privatePath, generate().privateKey, SECRET_MODE);
  const publicKey = createPublicKey(await readFile(privatePath, 'utf8'));
  await createWhole(publicPath, publicKey.export({ type: 'spki', format: 'pem' }));
}
