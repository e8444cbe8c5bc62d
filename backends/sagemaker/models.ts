/**
 * The registry. The record of a version and the serving fact are objects in S3 with conditional
 * writes, which are a compare-and-swap; model packages have none (their versions are numbers that
 * the service gives). A package in the model's group stands beside each record, for people and
 * for the tools of SageMaker: it waits for approval, is approved when its version becomes
 * champion, and a version whose package somebody has rejected there cannot become champion.
 */
import {
  CreateModelPackageCommand,
  CreateModelPackageGroupCommand,
  ListModelPackagesCommand,
  UpdateModelPackageCommand,
} from '@aws-sdk/client-sagemaker';
import type { ModelApprovalStatus, ModelPackageSummary } from '@aws-sdk/client-sagemaker';
import { canonicalJson, digestOf } from '../../core/canonical.ts';
import { OrreryError } from '../../core/errors.ts';
import { NAME_PATTERN, VERSION_PATTERN } from '../../core/ids.ts';
import { LABELS } from '../../core/labels.ts';
import type { FactChange, Models, ModelVersion, ServingFact } from '../../core/ports/models.ts';
import { asked, awsError, isNamed } from '../connections/aws/errors.ts';
import type { FarSide } from './far-side.ts';
import { isGzip } from './model-file.ts';
import { listed } from './pages.ts';
import { placeOf } from './store.ts';
import { tagList } from './tags.ts';

const NEVER_SERVED: ServingFact = {
  generation: 0,
  champion: null,
  previous: null,
  challenger: null,
};
/** ClientToken of CreateModelPackage: 1–36 characters. */
const TOKEN_DIGITS = 36;
const GROUP_PREFIX = 'orrery-';

export function createModels(far: FarSide): Models {
  return {
    async register(record) {
      const uri = recordUri(far, record.model, record.version);
      if (!(await far.store.putIf(uri, canonicalJson(record), { absent: true }))) {
        const found = (await far.store.text(uri))?.text;
        if (found !== canonicalJson(record)) throw versionTaken(record, found);
      }
      await ensurePackage(far, record);
    },
    async read(model, version) {
      const found = await far.store.text(recordUri(far, model, version));
      return found === null ? null : (JSON.parse(found.text) as ModelVersion);
    },
    fact: async (model, region) => (await readFact(far, model, region)).fact,
    changeFact: (change) => changeFact(far, change),
  };
}

async function changeFact(far: FarSide, change: FactChange): Promise<ServingFact> {
  const { model, region, expectedGeneration, next } = change;
  const present = await readFact(far, model, region);
  if (present.fact.generation !== expectedGeneration) throw moved(change, present.fact);
  if (next.champion !== null && next.champion !== present.fact.champion) {
    await approve(far, model, next.champion);
  }
  const fact: ServingFact = { ...next, generation: expectedGeneration + 1 };
  const condition = present.etag === null ? { absent: true as const } : { etag: present.etag };
  if (await far.store.putIf(factUri(far, model, region), canonicalJson(fact), condition)) {
    return fact;
  }
  throw moved(change, (await readFact(far, model, region)).fact);
}

async function readFact(
  far: FarSide,
  model: string,
  region: string,
): Promise<{ readonly fact: ServingFact; readonly etag: string | null }> {
  const found = await far.store.text(factUri(far, model, region));
  if (found === null) return { fact: NEVER_SERVED, etag: null };
  return { fact: JSON.parse(found.text) as ServingFact, etag: found.etag };
}

function recordUri(far: FarSide, model: string, version: string): string {
  const name = checked(version, VERSION_PATTERN);
  return far.store.uri(`models/${checked(model, NAME_PATTERN)}/versions/${name}.json`);
}

function factUri(far: FarSide, model: string, region: string): string {
  const name = checked(region, NAME_PATTERN);
  return far.store.uri(`models/${checked(model, NAME_PATTERN)}/regions/${name}.json`);
}

/** Safe to repeat: the token stands for the record. */
async function ensurePackage(far: FarSide, record: ModelVersion): Promise<void> {
  const group = `${GROUP_PREFIX}${record.model}`;
  if ((await packageOf(far, record.model, record.version)) !== null) return;
  await ensureGroup(far, group);
  const command = new CreateModelPackageCommand({
    ModelPackageGroupName: group,
    ModelPackageDescription: descriptionOf(record.version),
    ClientToken: digestOf(record).slice(0, TOKEN_DIGITS),
    ModelApprovalStatus: 'PendingManualApproval',
    CustomerMetadataProperties: {
      version: record.version,
      author: record.author,
      workflowId: record.workflowId,
      modelSha256: record.modelRef.sha256,
    },
    ...(await inferenceOf(far, record)),
  });
  await asked(
    `register ${record.model}/${record.version} as a model package`,
    far.sagemaker.send(command),
  );
}

/** What makes the package deployable from SageMaker's own tools; nothing for a file that lies elsewhere. */
async function inferenceOf(far: FarSide, { modelRef }: ModelVersion) {
  const { serving } = far.settings;
  const start = placeOf(modelRef.uri) === null ? null : await far.store.bytes(modelRef.uri, 2);
  if (serving === undefined || start === null) return {};
  const source = {
    S3Uri: modelRef.uri,
    S3DataType: 'S3Object' as const,
    CompressionType: isGzip(start) ? ('Gzip' as const) : ('None' as const),
  };
  return {
    InferenceSpecification: {
      Containers: [{ Image: serving.image, ModelDataSource: { S3DataSource: source } }],
      SupportedContentTypes: ['application/json'],
      SupportedResponseMIMETypes: ['application/json'],
    },
  };
}

async function ensureGroup(far: FarSide, group: string): Promise<void> {
  const command = new CreateModelPackageGroupCommand({
    ModelPackageGroupName: group,
    Tags: tagList({ [LABELS.managed]: 'true' }),
  });
  try {
    await far.sagemaker.send(command);
  } catch (error) {
    const exists = error instanceof Error && /already exists/i.test(error.message);
    if (!exists && !isNamed(error, 'ConflictException')) {
      throw awsError(error, `create the model package group "${group}"`);
    }
  }
}

/** The package of a version; null when there is none, or no group. */
async function packageOf(
  far: FarSide,
  model: string,
  version: string,
): Promise<ModelPackageSummary | null> {
  const packages = await listed('model packages', async (page) => {
    const command = new ListModelPackagesCommand({
      ...page,
      ModelPackageGroupName: `${GROUP_PREFIX}${model}`,
    });
    try {
      const reply = await far.sagemaker.send(command);
      return { items: reply.ModelPackageSummaryList, next: reply.NextToken };
    } catch (error) {
      // A group that is not there is a ValidationException on AWS.
      if (isNamed(error, 'ValidationException', 'ResourceNotFound')) {
        return { items: [], next: undefined };
      }
      throw error;
    }
  });
  const wanted = descriptionOf(version);
  return packages.find((each) => each.ModelPackageDescription === wanted) ?? null;
}

const descriptionOf = (version: string): string => `version ${version}`;

/** @throws OrreryError APPROVAL_REJECTED when somebody rejected it in the registry of SageMaker */
async function approve(far: FarSide, model: string, version: string): Promise<void> {
  const found = await packageOf(far, model, version);
  const status: ModelApprovalStatus | undefined = found?.ModelApprovalStatus;
  if (found === null || status === 'Approved') return;
  if (status === 'Rejected') {
    throw new OrreryError(
      'APPROVAL_REJECTED',
      `Cannot make ${model}/${version} champion: its model package is Rejected in SageMaker, wanted Approved; see ${found.ModelPackageArn}`,
    );
  }
  const command = new UpdateModelPackageCommand({
    ModelPackageArn: found.ModelPackageArn,
    ModelApprovalStatus: 'Approved',
    ApprovalDescription: 'approved by the release that makes it champion',
  });
  await asked(`approve the model package of ${model}/${version}`, far.sagemaker.send(command));
}

function checked(name: string, pattern: RegExp): string {
  if (pattern.test(name)) return name;
  throw new OrreryError(
    'REQUEST_INVALID',
    `Cannot look up "${name}": it must match ${pattern.source}`,
  );
}

function versionTaken(record: ModelVersion, found: string | undefined): OrreryError {
  const other = found === undefined ? null : (JSON.parse(found) as ModelVersion);
  return new OrreryError(
    'VERSION_TAKEN',
    `Cannot register ${record.model} ${record.version} with the digest ${record.modelRef.sha256}: it is registered by ${other?.workflowId} with ${other?.modelRef.sha256}, wanted the same record`,
  );
}

function moved({ model, region, expectedGeneration }: FactChange, fact: ServingFact): OrreryError {
  return new OrreryError(
    'CHAMPION_MOVED',
    `Cannot change who serves ${model} in ${region}: the generation is ${fact.generation} with champion ${fact.champion ?? 'none'}, wanted ${expectedGeneration}`,
    { details: { fact } },
  );
}
