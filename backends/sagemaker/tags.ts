import { AddTagsCommand, ListTagsCommand } from '@aws-sdk/client-sagemaker';
import type { SageMakerClient, Tag } from '@aws-sdk/client-sagemaker';
import { LABELS, specLabel } from '../../core/labels.ts';
import type { WorkLabels } from '../../core/labels.ts';
import { asked } from '../connections/aws/errors.ts';

/** Tags by their names. */
export type Tags = Readonly<Record<string, string>>;

/** What every piece of work of ours is tagged with. Tag values may hold slashes (Tag, SageMaker API). */
export function workTags(work: {
  readonly key: string;
  readonly specDigest: string;
  readonly labels: WorkLabels;
}): Tag[] {
  const { model, version, workflowId } = work.labels;
  return tagList({
    [LABELS.managed]: 'true',
    [LABELS.key]: work.key,
    [LABELS.spec]: specLabel(work.specDigest),
    [LABELS.model]: model,
    [LABELS.version]: version,
    [LABELS.workflowId]: workflowId,
  });
}

export function tagList(tags: Tags): Tag[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

export async function readTags(client: SageMakerClient, arn: string): Promise<Tags> {
  const reply = await asked(
    `read the tags of ${arn}`,
    client.send(new ListTagsCommand({ ResourceArn: arn })),
  );
  return Object.fromEntries((reply.Tags ?? []).map(({ Key, Value }) => [Key ?? '', Value ?? '']));
}

export async function writeTags(client: SageMakerClient, arn: string, tags: Tags): Promise<void> {
  const command = new AddTagsCommand({ ResourceArn: arn, Tags: tagList(tags) });
  await asked(`tag ${arn}`, client.send(command));
}

/** The labels of work of ours; null for what is not ours. */
export function labelsOf(tags: Tags): WorkLabels | null {
  if (tags[LABELS.managed] !== 'true') return null;
  return {
    model: tags[LABELS.model] ?? '',
    version: tags[LABELS.version] ?? '',
    workflowId: tags[LABELS.workflowId] ?? '',
  };
}
