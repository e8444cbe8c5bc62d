import { readFile } from 'node:fs/promises';
import { OrreryError } from '../../core/errors.ts';
import type { DsseStatement, ReleaseStatement } from '../../core/evidence/dsse.ts';
import type { DeploySpec } from '../../core/ports/serving.ts';
import { p256KeyId, verifyEnvelope } from '../../kernels/evidence/dsse.ts';
import type { SagemakerSettings } from './settings.ts';

/**
 * Verifies that a trusted key signed exactly this version and this file, before SageMaker hears of it.
 *
 * @throws OrreryError SIGNATURE_INVALID, MODEL_INVALID, SIGNER_UNAVAILABLE when a key cannot be read
 */
export async function checkRelease(
  { trustedKeyFiles }: Pick<SagemakerSettings, 'trustedKeyFiles'>,
  spec: DeploySpec,
): Promise<void> {
  const { payload } = await verified(trustedKeyFiles, spec);
  const { predicate, subject } = JSON.parse(new TextDecoder().decode(payload)) as ReleaseStatement;
  const name = `${spec.model}/${spec.version}`;
  if (predicate?.model !== spec.model || predicate.version !== spec.version) {
    throw new OrreryError(
      'SIGNATURE_INVALID',
      `Cannot deploy ${name}: the signed statement is for ${predicate?.model}/${predicate?.version}`,
    );
  }
  const signed = subject?.[0]?.digest.sha256;
  if (signed === spec.modelRef.sha256) return;
  throw new OrreryError(
    'MODEL_INVALID',
    `Cannot deploy ${name}: the digest of the file is ${spec.modelRef.sha256}, signed is ${signed}`,
  );
}

/** The envelope's content by the first trusted key that it names. */
async function verified(files: readonly string[], spec: DeploySpec): Promise<DsseStatement> {
  const named = new Set((spec.envelope.signatures ?? []).map(({ keyid }) => keyid));
  for (const file of files) {
    const key = await readFile(file, 'utf8').catch((cause: unknown) => {
      throw new OrreryError(
        'SIGNER_UNAVAILABLE',
        `Cannot verify ${spec.model}/${spec.version}: the key file ${file} cannot be read (${String(cause)})`,
        { cause },
      );
    });
    if (named.has(p256KeyId(key))) return verifyEnvelope(key, spec.envelope);
  }
  throw new OrreryError(
    'SIGNATURE_INVALID',
    `Cannot deploy ${spec.model}/${spec.version}: none of the ${files.length} trusted keys signed it, wanted a signature of one in \`trustedKeyFiles\``,
  );
}
