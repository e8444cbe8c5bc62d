/**
 * A version is a Model of SageMaker: verified, registered, immutable. Machines start with the first
 * route that names it (traffic.ts), because SageMaker splits traffic between variants of one
 * endpoint and nowhere else. So `ready` says that the model can be put on a route.
 */
import {
  CreateModelCommand,
  DeleteModelCommand,
  DescribeModelCommand,
} from '@aws-sdk/client-sagemaker';
import { digestOf } from '../../core/canonical.ts';
import { OrreryError } from '../../core/errors.ts';
import { LABELS, specLabel } from '../../core/labels.ts';
import type { DeploySpec, EndpointReading, Serving } from '../../core/ports/serving.ts';
import { awsError, isMissing } from '../connections/aws/errors.ts';
import { contentUri, createArtifacts } from './artifacts.ts';
import type { FarSide } from './far-side.ts';
import { isGzip, modelFileFault } from './model-file.ts';
import { checkRelease } from './release-check.ts';
import { readTags, tagList } from './tags.ts';
import type { Tags } from './tags.ts';
import { vpcConfig } from './training-jobs.ts';

const NAME_DIGITS = 40;
/** What `traffic` takes for an address. */
export const ADDRESS_SCHEME = 'sagemaker://';

type Compression = 'Gzip' | 'None';
interface FoundModel {
  readonly arn: string;
  readonly tags: Tags;
}

export function createServing(far: FarSide): Serving {
  return {
    async deploy(spec) {
      await checkRelease(far.settings, spec);
      const compression = await checkFile(far, spec);
      const digest = specLabel(digestOfSpec(spec));
      if ((await find(far, spec.key)) === null) await create(far, spec, digest, compression);
      const found = await find(far, spec.key);
      if (found !== null && found.tags[LABELS.spec] !== digest) throw taken(spec, found);
      const reading = readingOf(far, spec.key, found);
      if (reading.phase === 'ready') return reading;
      throw new OrreryError(
        'DEPLOY_FAILED',
        `Cannot deploy ${spec.model}/${spec.version} as "${spec.key}": its Model is gone again, wanted it there`,
      );
    },
    read: async (key) => readingOf(far, key, await find(far, key)),
    async undeploy(key) {
      try {
        await far.sagemaker.send(new DeleteModelCommand({ ModelName: modelName(key) }));
      } catch (error) {
        if (!isMissing(error)) throw awsError(error, `remove the model "${modelName(key)}"`);
      }
    },
  };
}

/** Keys hold dots, names of models do not. */
export function modelName(key: string): string {
  return `orrery-${digestOf(['model', key]).slice(0, NAME_DIGITS)}`;
}

/** The bytes must be there, be those of the digest, and be a whole file. */
async function checkFile(far: FarSide, spec: DeploySpec): Promise<Compression> {
  const bytes = await createArtifacts(far.store).read(spec.modelRef);
  const fault = modelFileFault(bytes);
  if (fault === null) return isGzip(bytes) ? 'Gzip' : 'None';
  throw new OrreryError(
    'MODEL_INVALID',
    `Cannot deploy ${spec.model}/${spec.version}: ${fault}; wanted an ONNX file or a model.tar.gz`,
  );
}

/** Two specs are the same when they state the same about the same file. */
function digestOfSpec({ model, version, region, modelRef, envelope }: DeploySpec): string {
  return digestOf({ model, version, region, sha256: modelRef.sha256, payload: envelope.payload });
}

async function create(
  far: FarSide,
  spec: DeploySpec,
  digest: string,
  compression: Compression,
): Promise<void> {
  const { settings } = far;
  if (settings.serving === undefined) {
    throw new OrreryError(
      'SETTINGS_INVALID',
      `Cannot deploy ${spec.model}/${spec.version}: the settings of sagemaker have no \`serving\`, wanted image and machine type`,
    );
  }
  const command = new CreateModelCommand({
    ModelName: modelName(spec.key),
    ExecutionRoleArn: settings.roleArn,
    PrimaryContainer: {
      Image: settings.serving.image,
      ModelDataSource: {
        S3DataSource: {
          S3Uri: contentUri(far.store, spec.modelRef.sha256),
          S3DataType: 'S3Object',
          CompressionType: compression,
        },
      },
      Environment: { ORRERY_MODEL: spec.model, ORRERY_VERSION: spec.version },
    },
    ...(settings.network === undefined ? {} : { VpcConfig: vpcConfig(settings.network) }),
    Tags: tagList({
      [LABELS.managed]: 'true',
      [LABELS.spec]: digest,
      [LABELS.model]: spec.model,
      [LABELS.version]: spec.version,
    }),
  });
  try {
    await far.sagemaker.send(command);
  } catch (error) {
    // Another caller was faster; what is there is compared by its tags.
    const exists = error instanceof Error && /already existing/i.test(error.message);
    if (!exists) throw awsError(error, `register the model ${spec.model}/${spec.version}`);
  }
}

async function find(far: FarSide, key: string): Promise<FoundModel | null> {
  const name = modelName(key);
  try {
    const told = await far.sagemaker.send(new DescribeModelCommand({ ModelName: name }));
    const arn = told.ModelArn ?? '';
    return { arn, tags: await readTags(far.sagemaker, arn) };
  } catch (error) {
    if (isMissing(error)) return null;
    throw awsError(error, `read the model "${name}"`);
  }
}

function readingOf(far: FarSide, key: string, found: FoundModel | null): EndpointReading {
  const { region } = far.settings.aws;
  const logUri = `https://${region}.console.aws.amazon.com/sagemaker/home?region=${region}#/models/${modelName(key)}`;
  if (found === null) {
    const reason = 'SageMaker has no model of this key';
    return { key, phase: 'gone', address: null, version: '', reason, logUri };
  }
  return {
    key,
    phase: 'ready',
    address: `${ADDRESS_SCHEME}${modelName(key)}`,
    version: found.tags[LABELS.version] ?? '',
    reason: 'verified and registered; its machines start with the first route that names it',
    logUri,
  };
}

function taken({ model, version, key }: DeploySpec, { tags }: FoundModel): OrreryError {
  const found = `${tags[LABELS.model] ?? 'a stranger'}/${tags[LABELS.version] ?? '?'}`;
  return new OrreryError(
    'NAME_TAKEN',
    `Cannot deploy ${model}/${version} as "${key}": ${found} is there under this key with another spec, wanted the same or none`,
  );
}
