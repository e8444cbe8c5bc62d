/**
 * Pipelines that are ours, by tag. A pipeline's content is compared by the digest of its canonical
 * JSON, read back from the service, so that no digest kept beside it can be out of date.
 */
import {
  CreatePipelineCommand,
  DeletePipelineCommand,
  DescribePipelineCommand,
  ListPipelinesCommand,
  UpdatePipelineCommand,
} from '@aws-sdk/client-sagemaker';
import type { DescribePipelineResponse } from '@aws-sdk/client-sagemaker';
import { canonicalJson, digestOf } from '../../core/canonical.ts';
import { OrreryError } from '../../core/errors.ts';
import { LABELS } from '../../core/labels.ts';
import type {
  DefinitionReading,
  Definitions,
  PipelineDefinition,
} from '../../core/ports/definitions.ts';
import { asked, awsError, isMissing, isNamed } from '../connections/aws/errors.ts';
import { checkName } from './compute.ts';
import type { FarSide } from './far-side.ts';
import { listed } from './pages.ts';
import { readTags, tagList } from './tags.ts';

const DIFF_LINES_MAX = 200;

interface Found {
  readonly reading: DefinitionReading;
  readonly text: string;
  readonly isOurs: boolean;
}

export function createDefinitions(far: FarSide): Definitions {
  return {
    async plan(definition) {
      const { name } = definition;
      const text = sourceOf(definition);
      const found = await find(far, name);
      if (found === null) return { name, change: 'create', diff: diffOf('', text) };
      refuseStranger(found, name);
      if (found.reading.digest === digestOfText(text)) return { name, change: 'none', diff: '' };
      return { name, change: 'update', diff: diffOf(found.text, text) };
    },
    async put(definition) {
      const { name } = definition;
      const text = sourceOf(definition);
      const found = await find(far, name);
      if (found === null) await create(far, name, text);
      else {
        refuseStranger(found, name);
        if (found.reading.digest !== digestOfText(text)) await update(far, name, text);
      }
      return readBack(far, name, text);
    },
    list: () => list(far),
    async remove(name) {
      const found = await find(far, name);
      if (found === null) return;
      refuseStranger(found, name);
      const command = new DeletePipelineCommand({
        PipelineName: name,
        ClientRequestToken: digestOf(['delete', name, found.reading.digest]),
      });
      try {
        await far.sagemaker.send(command);
      } catch (error) {
        if (!isMissing(error)) throw awsError(error, `remove pipeline "${name}"`);
      }
    },
  };
}

/** @throws OrreryError OPERATION_UNSUPPORTED, SPEC_REJECTED */
function sourceOf({ name, content }: PipelineDefinition): string {
  checkName(name);
  if (content.kind === 'flow') {
    throw new OrreryError(
      'OPERATION_UNSUPPORTED',
      `Cannot define pipeline "${name}" from a data flow: a step of SageMaker names its own image and machine; give the definition in SageMaker's JSON (kind "source"), or use airflow`,
    );
  }
  try {
    JSON.parse(content.text);
  } catch (cause) {
    throw new OrreryError(
      'SPEC_REJECTED',
      `Cannot define pipeline "${name}": its text is not JSON (${(cause as Error).message}), wanted a pipeline definition of SageMaker`,
      { cause },
    );
  }
  return content.text;
}

function digestOfText(text: string): string {
  return digestOf(JSON.parse(text));
}

/** null when there is no such pipeline. */
async function find(far: FarSide, name: string): Promise<Found | null> {
  let told: DescribePipelineResponse;
  try {
    told = await far.sagemaker.send(new DescribePipelineCommand({ PipelineName: name }));
  } catch (error) {
    if (isMissing(error)) return null;
    throw awsError(error, `read pipeline "${name}"`);
  }
  const tags = await readTags(far.sagemaker, told.PipelineArn ?? '');
  const text = told.PipelineDefinition ?? '{}';
  const digest = digestOfText(text);
  return { reading: { name, digest, version: '' }, text, isOurs: tags[LABELS.managed] === 'true' };
}

function refuseStranger({ isOurs }: Found, name: string): void {
  if (isOurs) return;
  throw new OrreryError(
    'NAME_TAKEN',
    `Cannot change pipeline "${name}": it has no tag ${LABELS.managed}=true, so it is not ours`,
  );
}

/** The token makes a repeated call the same one; a name that was taken in between is compared later. */
async function create(far: FarSide, name: string, text: string): Promise<void> {
  const command = new CreatePipelineCommand({
    PipelineName: name,
    PipelineDefinition: text,
    ClientRequestToken: digestOf(['create', name, text]),
    RoleArn: far.settings.roleArn,
    Tags: tagList({ [LABELS.managed]: 'true' }),
  });
  try {
    await far.sagemaker.send(command);
  } catch (error) {
    const taken = error instanceof Error && /already exists/i.test(error.message);
    if (!taken && !isNamed(error, 'ConflictException')) {
      throw awsError(error, `create pipeline "${name}"`);
    }
  }
}

async function update(far: FarSide, name: string, text: string): Promise<void> {
  const command = new UpdatePipelineCommand({
    PipelineName: name,
    PipelineDefinition: text,
    RoleArn: far.settings.roleArn,
  });
  await asked(`update pipeline "${name}"`, far.sagemaker.send(command));
}

async function readBack(far: FarSide, name: string, text: string): Promise<DefinitionReading> {
  const found = await find(far, name);
  if (found !== null) refuseStranger(found, name);
  if (found !== null && found.reading.digest === digestOfText(text)) return found.reading;
  throw new OrreryError(
    'BACKEND_UNAVAILABLE',
    `Cannot tell that pipeline "${name}" is defined: its digest reads ${found?.reading.digest ?? '(none)'}, wanted ${digestOfText(text)}; somebody else may be changing it`,
  );
}

async function list(far: FarSide): Promise<readonly DefinitionReading[]> {
  const summaries = await listed('pipelines', async (page) => {
    const reply = await far.sagemaker.send(new ListPipelinesCommand(page));
    return { items: reply.PipelineSummaries, next: reply.NextToken };
  });
  const readings: DefinitionReading[] = [];
  for (const { PipelineName: name } of summaries) {
    const found = name === undefined ? null : await find(far, name);
    if (found?.isOurs === true) readings.push(found.reading);
  }
  return readings;
}

/** Lines that go and lines that come, of both in one layout. */
function diffOf(before: string, after: string): string {
  const lines = (text: string) =>
    text === ''
      ? []
      : JSON.stringify(JSON.parse(canonicalJson(JSON.parse(text))), null, 2).split('\n');
  const [old, now] = [lines(before), lines(after)];
  const gone = old.filter((line) => !now.includes(line)).map((line) => `- ${line}`);
  const come = now.filter((line) => !old.includes(line)).map((line) => `+ ${line}`);
  return [...gone, ...come].slice(0, DIFF_LINES_MAX).join('\n');
}
