import { readFile, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { OrreryError } from '../../../core/errors.ts';
import type { DeploySpec } from '../../../core/ports/serving.ts';
import { checkModelBytes, signedModelDigest } from '../../../kernels/evidence/release.ts';
import type { KserveSettings } from './settings.ts';

/** A presigned address that stays silent for so long is given up, milliseconds. */
const READ_MS_MAX = 120_000;

/** Schemes that KServe v0.17 pulls (pkg/apis/serving/v1beta1/component.go, SupportedStorageURIPrefixList, and `https`). */
const PULLED = /^(s3|gs|hdfs|webhdfs|https?|hf|oci(\+\w+)?|pvc):\/\//;

/** What KServe is told to serve, after our own check. */
export interface CheckedModel {
  readonly sha256: string;
  readonly storageUri: string;
}

/**
 * Signature, statement, then the bytes of the file: KServe itself checks none of them. It pulls the
 * file again from `storageUri`, so the store must be one whose objects never change under a name, as
 * a content-addressed store is.
 *
 * @throws OrreryError SIGNATURE_INVALID, MODEL_INVALID, SETTINGS_INVALID, ARTIFACT_MISSING,
 * BACKEND_UNAVAILABLE when a presigned address does not answer
 */
export async function checkModel(
  settings: KserveSettings,
  spec: DeploySpec,
): Promise<CheckedModel> {
  const sha256 = signedModelDigest(await readKeys(settings), spec.envelope, spec);
  if (spec.modelRef.sha256 !== sha256) {
    throw new OrreryError(
      'MODEL_INVALID',
      `Cannot serve ${spec.model}/${spec.version}: the reference is to a file of SHA-256 ${spec.modelRef.sha256}, signed was ${sha256}`,
    );
  }
  const { readFrom, pullFrom } = locate(settings, spec.modelRef.uri);
  checkModelBytes(await readModel(readFrom, settings.modelBytesMax), sha256, spec);
  if (PULLED.test(pullFrom)) return { sha256, storageUri: pullFrom };
  throw new OrreryError(
    'SETTINGS_INVALID',
    `Cannot serve ${spec.model}/${spec.version}: KServe pulls no "${pullFrom}", wanted a store in the setting "stores" whose "pullFrom" is s3://, gs://, pvc://, https:// or the like`,
  );
}

/** Where we read an artifact and where KServe pulls it. */
export function locate({ stores }: Pick<KserveSettings, 'stores'>, uri: string) {
  const store = stores
    .filter(({ uri: prefix }) => uri.startsWith(prefix))
    .toSorted((a, b) => b.uri.length - a.uri.length)[0];
  const rest = store === undefined ? uri : uri.slice(store.uri.length);
  return {
    readFrom: store?.readFrom === undefined ? uri : `${store.readFrom}${rest}`,
    pullFrom: store?.pullFrom === undefined ? uri : `${store.pullFrom}${rest}`,
  };
}

export async function readKeys({ trustedKeys }: KserveSettings): Promise<string[]> {
  return Promise.all(
    trustedKeys.map(async (path) => {
      try {
        return await readFile(path, 'utf8');
      } catch (cause) {
        throw new OrreryError(
          'SETTINGS_INVALID',
          `Cannot read the trusted key ${path}: ${String(cause)}`,
          { cause },
        );
      }
    }),
  );
}

async function readModel(uri: string, bytesMax: number): Promise<Uint8Array> {
  if (uri.startsWith('file://')) return readLocal(uri, bytesMax);
  if (/^https?:\/\//.test(uri)) return download(uri, bytesMax);
  throw new OrreryError(
    'SETTINGS_INVALID',
    `Cannot read ${uri} for its check: wanted a store in the setting "stores" whose "readFrom" is file://, http:// or https://`,
  );
}

async function readLocal(uri: string, bytesMax: number): Promise<Uint8Array> {
  try {
    const path = fileURLToPath(uri);
    checkSize(uri, (await stat(path)).size, bytesMax);
    return await readFile(path);
  } catch (cause) {
    if (cause instanceof OrreryError) throw cause;
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw new OrreryError(
      missing ? 'ARTIFACT_MISSING' : 'BACKEND_UNAVAILABLE',
      `Cannot read ${uri} for its check: ${String(cause)}`,
      { cause },
    );
  }
}

/** The query of an address may hold a signature, so no message repeats it. */
async function download(uri: string, bytesMax: number): Promise<Uint8Array> {
  const shown = uri.replace(/\?.*$/, '');
  const signal = AbortSignal.timeout(READ_MS_MAX);
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    const reply = await fetch(uri, { signal });
    if (reply.status !== 200) throw refusal(shown, reply.status);
    for await (const chunk of reply.body ?? []) {
      size += chunk.length;
      checkSize(shown, size, bytesMax);
      chunks.push(chunk);
    }
  } catch (cause) {
    if (cause instanceof OrreryError) throw cause;
    const told = cause instanceof Error ? cause.message.replaceAll(uri, shown) : 'no reason';
    throw new OrreryError('BACKEND_UNAVAILABLE', `Cannot read ${shown} for its check: ${told}`);
  }
  return Buffer.concat(chunks);
}

function refusal(shown: string, status: number): OrreryError {
  const code =
    status === 404
      ? 'ARTIFACT_MISSING'
      : status === 401 || status === 403
        ? 'ACCESS_DENIED'
        : 'BACKEND_UNAVAILABLE';
  return new OrreryError(code, `Cannot read ${shown} for its check: the store answered ${status}`);
}

function checkSize(shown: string, bytes: number, bytesMax: number): void {
  if (bytes <= bytesMax) return;
  throw new OrreryError(
    'MODEL_INVALID',
    `Cannot read ${shown} for its check: it has ${bytes} bytes or more, the setting "modelBytesMax" allows ${bytesMax}`,
  );
}
