import { readFile } from 'node:fs/promises';
import { sha256Hex } from '../core/canonical.ts';
import {
  IN_TOTO_PAYLOAD_TYPE,
  IN_TOTO_STATEMENT_TYPE,
  RELEASE_PREDICATE_TYPE,
} from '../core/evidence/dsse.ts';
import type { DsseEnvelope, ReleaseStatement } from '../core/evidence/dsse.ts';
import { OrreryError } from '../core/errors.ts';
import { verifyEnvelope } from '../kernels/evidence/dsse.ts';

/** What is to be served, and what proves that it may be. */
export interface ReleaseFiles {
  readonly modelFile: string;
  readonly envelopeFile: string;
  readonly signerPublicKeyFile: string;
  readonly model: string;
  readonly version: string;
}

/** Name of the subject of a release statement. */
const SUBJECT = 'model.onnx';

/**
 * Reads the model file once and answers with those bytes only if they are what was signed for this
 * model and version. The bytes that were checked are the bytes that are loaded: a file changed
 * later changes nothing.
 *
 * The signature comes first, because the digest means nothing before it is known who wrote it.
 *
 * @throws OrreryError SIGNATURE_INVALID when the envelope is not the signer's statement about this
 * model and version; MODEL_INVALID when the file has another digest than the statement
 */
export async function readRelease(files: ReleaseFiles): Promise<Uint8Array> {
  const publicKey = await read(files.signerPublicKeyFile, 'SIGNATURE_INVALID');
  const envelope = parseJson(await read(files.envelopeFile, 'SIGNATURE_INVALID'), 'its envelope');
  const { payloadType, payload } = verifyEnvelope(
    publicKey.toString('utf8'),
    // The kernel takes it for untrusted input of any shape.
    envelope as DsseEnvelope,
  );
  const statement = parseStatement(payloadType, payload);
  const { model, version } = statement.predicate;
  if (model !== files.model || version !== files.version) {
    throw new OrreryError(
      'SIGNATURE_INVALID',
      `Cannot serve ${files.model}/${files.version}: the statement is about ${model}/${version}`,
    );
  }
  const signed = statement.subject.find((subject) => subject.name === SUBJECT)?.digest.sha256;
  if (signed === undefined) throw refused(`its statement has no subject ${SUBJECT}`);
  const bytes = await read(files.modelFile, 'MODEL_INVALID');
  const found = sha256Hex(bytes);
  if (found !== signed) {
    throw new OrreryError(
      'MODEL_INVALID',
      `Cannot load ${files.modelFile}: its SHA-256 is ${found} (${bytes.length} bytes), signed was ${signed}`,
    );
  }
  return bytes;
}

function parseStatement(payloadType: string, payload: Uint8Array): ReleaseStatement {
  const value = parseJson(payload, 'its statement') as Partial<ReleaseStatement> | null;
  const isRelease =
    payloadType === IN_TOTO_PAYLOAD_TYPE &&
    typeof value === 'object' &&
    value !== null &&
    value._type === IN_TOTO_STATEMENT_TYPE &&
    value.predicateType === RELEASE_PREDICATE_TYPE &&
    Array.isArray(value.subject) &&
    typeof value.predicate === 'object' &&
    value.predicate !== null;
  if (!isRelease)
    throw refused(`its statement is no in-toto statement of ${RELEASE_PREDICATE_TYPE}`);
  return value as ReleaseStatement;
}

function parseJson(bytes: Uint8Array, what: string): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (cause) {
    throw refused(`${what} is no JSON`, cause);
  }
}

async function read(file: string, code: 'MODEL_INVALID' | 'SIGNATURE_INVALID'): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new OrreryError(code, `Cannot read ${file}: ${String(cause)}`, { cause });
  }
}

function refused(reason: string, cause?: unknown): OrreryError {
  return new OrreryError('SIGNATURE_INVALID', `Cannot serve the model: ${reason}`, { cause });
}
