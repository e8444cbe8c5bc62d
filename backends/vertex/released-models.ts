/** From a signed file to a model resource that can be deployed. */
import { readFileSync } from 'node:fs';
import { digestOf } from '../../core/canonical.ts';
import { OrreryError } from '../../core/errors.ts';
import { LABELS, specLabel } from '../../core/labels.ts';
import type { Artifacts } from '../../core/ports/artifacts.ts';
import type { DeploySpec } from '../../core/ports/serving.ts';
import { checkModelBytes, signedModelDigest } from '../../kernels/evidence/release.ts';
import { encodeLabelValue } from '../connections/google/labels.ts';
import { parentOf } from '../connections/google/settings.ts';
import type { ObjectStore } from '../connections/google/storage.ts';
import type { VertexApi } from './calls.ts';
import { displayNameOf } from './endpoint-names.ts';
import { waitForOperation, waitUntilIdle } from './operations.ts';
import type { Patience } from './operations.ts';
import type { ServingSettings, VertexSettings } from './settings.ts';

/** Model resources are named by the digest of what they serve: `m` and 40 hexadecimal digits. */
const MODEL_ID_DIGITS = 40;

export interface Surroundings {
  readonly settings: VertexSettings;
  readonly api: VertexApi;
  readonly store: ObjectStore;
  readonly artifacts: Artifacts;
}

/** The bytes of the model once digest and signature verify. @throws OrreryError SIGNATURE_INVALID, MODEL_INVALID */
export async function verifiedBytes({ settings, artifacts }: Surroundings, spec: DeploySpec) {
  const keys = servingOf(settings).trustedKeyFiles.map(readKeyFile);
  const signed = signedModelDigest(keys, spec.envelope, spec);
  if (spec.modelRef.sha256 !== signed) {
    throw new OrreryError(
      'MODEL_INVALID',
      `Cannot serve ${spec.model}/${spec.version}: the SHA-256 of its file is ${spec.modelRef.sha256}, signed was ${signed}`,
    );
  }
  const bytes = await artifacts.read(spec.modelRef);
  checkModelBytes(bytes, signed, spec);
  return bytes;
}

/** Read at each deployment, so that a key is trusted or not without a restart. */
function readKeyFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new OrreryError('SIGNER_UNAVAILABLE', `Cannot read the trusted key "${path}"`, { cause });
  }
}

/** The same file, statement and key are the same model resource; a signature made anew changes nothing. */
function specDigestOf({ key, model, version, region, modelRef, envelope }: DeploySpec): string {
  const { payload } = envelope;
  return digestOf({ key, model, version, region, sha256: modelRef.sha256, payload });
}

function modelId(spec: DeploySpec): string {
  return `m${specDigestOf(spec).slice(0, MODEL_ID_DIGITS)}`;
}

export function modelName(settings: VertexSettings, spec: DeploySpec): string {
  return `${parentOf(settings)}/models/${modelId(spec)}`;
}

/** Model file and envelope go into a folder of their own, which Vertex AI copies to the servers. */
export async function ensureModel(
  { settings, api, store }: Surroundings,
  spec: DeploySpec,
  bytes: Uint8Array,
  until: Patience,
): Promise<void> {
  const name = modelName(settings, spec);
  if ((await api.models.get(name)) !== null) return;
  const serving = servingOf(settings);
  const { model, version, envelope } = spec;
  const folder = `${settings.storage.root}/models/${modelId(spec)}`;
  await store.create(`${folder}/model.onnx`, bytes);
  await store.create(`${folder}/envelope.json`, Buffer.from(JSON.stringify(envelope)));
  const operation = await api.models.upload(modelId(spec), {
    displayName: displayNameOf(model, version),
    labels: {
      [LABELS.managed]: 'true',
      [LABELS.spec]: specLabel(specDigestOf(spec)),
      [LABELS.model]: encodeLabelValue(model).slice(0, 63),
      [LABELS.version]: encodeLabelValue(version).slice(0, 63),
    },
    artifactUri: folder,
    containerSpec: {
      imageUri: serving.image,
      env: [
        { name: 'ORRERY_MODEL', value: model },
        { name: 'ORRERY_VERSION', value: version },
      ],
      ports: [{ containerPort: serving.port }],
      predictRoute: serving.predictRoute,
      healthRoute: serving.healthRoute,
    },
  });
  if (operation !== null)
    await waitForOperation(api, `upload ${model}/${version}`, operation, until);
  else await waitUntilIdle(api, name, until);
}

/** What a job needs no settings for. @throws OrreryError SETTINGS_INVALID when the member is missing */
export function servingOf({ serving }: VertexSettings): ServingSettings {
  if (serving !== undefined) return serving;
  throw new OrreryError(
    'SETTINGS_INVALID',
    'Cannot deploy on Vertex AI: the settings of the backend "vertex" have no member "serving", wanted one with image, machineType and trustedKeyFiles',
  );
}
