import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { sha256Hex } from '../../core/canonical.ts';
import { IN_TOTO_PAYLOAD_TYPE, releaseStatement } from '../../core/evidence/dsse.ts';
import type { DsseEnvelope } from '../../core/evidence/dsse.ts';
import { signEnvelope } from '../../kernels/evidence/dsse.ts';
import { pythonProgram } from './tools.ts';

/** `logistic` and `logistic-2` have the features amount and age, `lookup` amount and merchant. */
export type TinyModel = 'logistic' | 'logistic-2' | 'lookup';

/** Writes the models of tiny-models.py into the folder. */
export async function writeTinyModels(folder: string): Promise<void> {
  const script = join(import.meta.dirname, 'tiny-models.py');
  await promisify(execFile)(pythonProgram(), [script, folder]);
}

export function readTinyModel(folder: string, name: TinyModel): Promise<Buffer> {
  return readFile(join(folder, `${name}.onnx`));
}

/** A signed release statement over the bytes. */
export function signModel(
  privateKeyPem: string,
  release: { readonly model: string; readonly version: string; readonly bytes: Uint8Array },
): DsseEnvelope {
  const statement = releaseStatement({
    modelSha256: sha256Hex(release.bytes),
    model: release.model,
    version: release.version,
    author: 'dana',
    workflowId: `lifecycle/${release.model}/${release.version}`,
    reportSha256: '0'.repeat(64),
    dataSha256: '0'.repeat(64),
  });
  return signEnvelope(
    privateKeyPem,
    IN_TOTO_PAYLOAD_TYPE,
    new TextEncoder().encode(JSON.stringify(statement)),
  );
}
