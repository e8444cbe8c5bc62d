import { sha256Hex } from '../../core/canonical.ts';
import { OrreryError } from '../../core/errors.ts';
import {
  IN_TOTO_PAYLOAD_TYPE,
  IN_TOTO_STATEMENT_TYPE,
  RELEASE_PREDICATE_TYPE,
} from '../../core/evidence/dsse.ts';
import type { DsseEnvelope, ReleaseStatement } from '../../core/evidence/dsse.ts';
import { p256KeyId, verifyEnvelope } from './dsse.ts';

/** What is about to be served. */
export interface ReleasedModel {
  readonly model: string;
  readonly version: string;
}

/** Name of the subject of a release statement. */
const SUBJECT = 'model.onnx';

/**
 * The SHA-256 that was signed for the file of this model and version, 64 hexadecimal digits. Any one
 * of the trusted keys is enough; the envelope says by `keyid` which one it stands on.
 *
 * The signature comes before the file is read, because a digest means nothing before it is known who
 * wrote it.
 *
 * @param publicKeysPem ECDSA P-256 keys, SubjectPublicKeyInfo in PEM; at least one
 * @throws OrreryError SIGNATURE_INVALID when no trusted key signed the envelope, or it states something
 * else than the release of this model and version; SETTINGS_INVALID for a key of another kind
 */
export function signedModelDigest(
  publicKeysPem: readonly string[],
  envelope: DsseEnvelope,
  { model, version }: ReleasedModel,
): string {
  const statement = parseStatement(verifyByAny(publicKeysPem, envelope));
  const stated = statement.predicate;
  if (stated.model !== model || stated.version !== version) {
    throw invalid(`the statement is about ${stated.model}/${stated.version}`, { model, version });
  }
  const digest = statement.subject.find(({ name }) => name === SUBJECT)?.digest.sha256;
  if (digest === undefined) {
    throw invalid(`the statement has no subject ${SUBJECT}`, { model, version });
  }
  return digest;
}

/**
 * Holds the bytes of a model file against the digest that was signed for it.
 *
 * @throws OrreryError MODEL_INVALID when they are other bytes
 */
export function checkModelBytes(
  bytes: Uint8Array,
  signedSha256: string,
  { model, version }: ReleasedModel,
): void {
  const found = sha256Hex(bytes);
  if (found === signedSha256) return;
  throw new OrreryError(
    'MODEL_INVALID',
    `Cannot serve ${model}/${version}: the SHA-256 of its file is ${found} (${bytes.length} bytes), signed was ${signedSha256}`,
  );
}

function verifyByAny(publicKeysPem: readonly string[], envelope: DsseEnvelope) {
  const failures: unknown[] = [];
  for (const key of publicKeysPem) {
    try {
      return verifyEnvelope(key, envelope);
    } catch (error) {
      if (!(error instanceof OrreryError) || error.code !== 'SIGNATURE_INVALID') throw error;
      failures.push(error);
    }
  }
  if (failures.length === 1) throw failures[0];
  const known = publicKeysPem.map((key) => p256KeyId(key).slice(0, 12)).join(', ');
  throw new OrreryError(
    'SIGNATURE_INVALID',
    `Cannot accept the envelope: none of the trusted keys (${known}) signed it, wanted one of them`,
    { cause: failures[0] },
  );
}

function parseStatement({
  payloadType,
  payload,
}: {
  readonly payloadType: string;
  readonly payload: Uint8Array;
}): ReleaseStatement {
  let value: Partial<ReleaseStatement> | null;
  try {
    value = JSON.parse(Buffer.from(payload).toString('utf8')) as typeof value;
  } catch (cause) {
    throw new OrreryError('SIGNATURE_INVALID', 'Cannot serve the model: its statement is no JSON', {
      cause,
    });
  }
  const isRelease =
    payloadType === IN_TOTO_PAYLOAD_TYPE &&
    typeof value === 'object' &&
    value !== null &&
    value._type === IN_TOTO_STATEMENT_TYPE &&
    value.predicateType === RELEASE_PREDICATE_TYPE &&
    Array.isArray(value.subject) &&
    typeof value.predicate === 'object' &&
    value.predicate !== null;
  if (isRelease) return value as ReleaseStatement;
  throw new OrreryError(
    'SIGNATURE_INVALID',
    `Cannot serve the model: its statement is no in-toto statement of ${RELEASE_PREDICATE_TYPE}`,
  );
}

function invalid(state: string, { model, version }: ReleasedModel): OrreryError {
  return new OrreryError('SIGNATURE_INVALID', `Cannot serve ${model}/${version}: ${state}`);
}
