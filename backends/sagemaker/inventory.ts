/**
 * What of ours is there. The lists of SageMaker are authoritative where its search index lags, but
 * they know no tags: what has the name of a key is looked at one by one.
 */
import {
  ListHyperParameterTuningJobsCommand,
  ListPipelineExecutionsCommand,
  ListPipelinesCommand,
  ListProcessingJobsCommand,
  ListTrainingJobsCommand,
} from '@aws-sdk/client-sagemaker';
import type {
  HyperParameterTuningJobSummary,
  PipelineExecutionSummary,
} from '@aws-sdk/client-sagemaker';
import { LABELS } from '../../core/labels.ts';
import type { Inventory, RemoteWork } from '../../core/ports/inventory.ts';
import { isMissing } from '../connections/aws/errors.ts';
import { isTerminal } from '../connections/polling.ts';
import type { FarSide } from './far-side.ts';
import { costUsd, usdPerHourOf } from './instances.ts';
import { listed } from './pages.ts';
import { phaseOfRun } from './pipeline.ts';
import { describeProcessingJob } from './processing-jobs.ts';
import { phaseOf } from './remote-job.ts';
import type { RemoteJob } from './remote-job.ts';
import { parseDescription } from './run-description.ts';
import { labelsOf, readTags } from './tags.ts';
import type { Tags } from './tags.ts';
import { describeTrainingJob } from './training-jobs.ts';
import { tuningPhase } from './tuning.ts';

const KEY_PATTERN = /^j[0-9a-f]{40}$/;
const TUNING_NAME_PATTERN = /^j[0-9a-f]{31}$/;
const MS_PER_HOUR = 3_600_000;
const RUN_DAYS_MAX = 28;
/** Descriptions that are read at once. */
const PARALLEL_MAX = 4;

export function createInventory(far: FarSide): Inventory {
  return {
    async list() {
      const since = new Date(Date.now() - far.settings.endedHours * MS_PER_HOUR);
      const works = [
        ...(await trainingJobs(far, since)),
        ...(await processingJobs(far, since)),
        ...(await searches(far, since)),
        ...(await runs(far, since)),
      ];
      // What has not started yet is the newest.
      const at = ({ startedAt }: RemoteWork) => startedAt ?? '9';
      return works.toSorted((one, other) => at(other).localeCompare(at(one)));
    },
  };
}

/** Statuses of work that runs; what has ended is listed by its last change. */
const LIVE = ['InProgress', 'Stopping'] as const;

interface Cut {
  readonly StatusEquals?: (typeof LIVE)[number];
  readonly LastModifiedTimeAfter?: Date;
}

/** Live work of any age, and what changed since; each once. */
async function liveAndRecent<Item>(
  since: Date,
  list: (cut: Cut) => Promise<readonly Item[]>,
  nameOf: (item: Item) => string | undefined,
): Promise<readonly Item[]> {
  const byName = new Map<string, Item>();
  const cuts: readonly Cut[] = [
    ...LIVE.map((StatusEquals) => ({ StatusEquals })),
    { LastModifiedTimeAfter: since },
  ];
  for (const cut of cuts) {
    for (const item of await list(cut)) byName.set(nameOf(item) ?? '', item);
  }
  return [...byName.values()];
}

async function trainingJobs(far: FarSide, since: Date): Promise<readonly RemoteWork[]> {
  const list = (cut: Cut) =>
    listed('training jobs', async (page) => {
      const reply = await far.sagemaker.send(new ListTrainingJobsCommand({ ...page, ...cut }));
      return { items: reply.TrainingJobSummaries, next: reply.NextToken };
    });
  const found = await liveAndRecent(since, list, ({ TrainingJobName: name }) => name);
  const names = found.map(({ TrainingJobName: name = '' }) => name);
  return jobsOf(far, names, (name) => describeTrainingJob(far, name));
}

async function processingJobs(far: FarSide, since: Date): Promise<readonly RemoteWork[]> {
  const list = (cut: Cut) =>
    listed('processing jobs', async (page) => {
      const reply = await far.sagemaker.send(new ListProcessingJobsCommand({ ...page, ...cut }));
      return { items: reply.ProcessingJobSummaries, next: reply.NextToken };
    });
  const found = await liveAndRecent(since, list, ({ ProcessingJobName: name }) => name);
  const names = found.map(({ ProcessingJobName: name = '' }) => name);
  return jobsOf(far, names, (name) => describeProcessingJob(far, name));
}

async function jobsOf(
  far: FarSide,
  names: readonly string[],
  describe: (name: string) => Promise<RemoteJob | null>,
): Promise<readonly RemoteWork[]> {
  const keys = names.filter((name) => KEY_PATTERN.test(name));
  return inParallel(keys, async (key) => {
    const job = await describe(key);
    const labels = job === null ? null : labelsOf(await tagsOf(far, job.arn));
    if (job === null || labels === null) return null;
    return {
      port: 'compute',
      key,
      remoteId: job.arn,
      phase: phaseOf(job),
      labels,
      startedAt: job.startedAt?.toISOString() ?? null,
      billableSeconds: job.billableSeconds,
      costUsd: costUsd(job.billableSeconds, usdPerHourOf(job.instance, far.settings.instances)),
    };
  });
}

async function searches(far: FarSide, since: Date): Promise<readonly RemoteWork[]> {
  const list = (cut: Cut) =>
    listed('searches', async (page) => {
      const command = new ListHyperParameterTuningJobsCommand({ ...page, ...cut });
      const reply = await far.sagemaker.send(command);
      return { items: reply.HyperParameterTuningJobSummaries, next: reply.NextToken };
    });
  const found = await liveAndRecent(since, list, (each) => each.HyperParameterTuningJobName);
  const ours = found.filter(({ HyperParameterTuningJobName: name = '' }) =>
    TUNING_NAME_PATTERN.test(name),
  );
  return inParallel(ours, (summary) => searchWork(far, summary));
}

async function searchWork(
  far: FarSide,
  summary: HyperParameterTuningJobSummary,
): Promise<RemoteWork | null> {
  const arn = summary.HyperParameterTuningJobArn ?? '';
  const tags = await tagsOf(far, arn);
  const labels = labelsOf(tags);
  if (labels === null) return null;
  return {
    port: 'tuning',
    key: tags[LABELS.key] ?? '',
    remoteId: arn,
    phase: tuningPhase(summary.HyperParameterTuningJobStatus),
    labels,
    startedAt: summary.CreationTime?.toISOString() ?? null,
    // The seconds are those of its trials, which a list does not tell.
    billableSeconds: 0,
    costUsd: null,
  };
}

/**
 * Runs are listed by their creation alone, so the list goes back by as much as a job may run: 28 days
 * (MaxRuntimeInSeconds).
 */
function earliest(since: Date): Date {
  return new Date(since.getTime() - RUN_DAYS_MAX * 24 * MS_PER_HOUR);
}

async function runs(far: FarSide, since: Date): Promise<readonly RemoteWork[]> {
  const pipelines = await listed('pipelines', async (page) => {
    const reply = await far.sagemaker.send(new ListPipelinesCommand(page));
    return { items: reply.PipelineSummaries, next: reply.NextToken };
  });
  const works = await inParallel(pipelines, async ({ PipelineName: name = '' }) => {
    const summaries = await listed(`runs of "${name}"`, async (page) => {
      const command = new ListPipelineExecutionsCommand({
        ...page,
        PipelineName: name,
        CreatedAfter: earliest(since),
      });
      const reply = await far.sagemaker.send(command);
      return { items: reply.PipelineExecutionSummaries, next: reply.NextToken };
    });
    return summaries.flatMap(runWork);
  });
  return works.flat();
}

function runWork(summary: PipelineExecutionSummary): readonly RemoteWork[] {
  const { key, labels } = parseDescription(summary.PipelineExecutionDescription);
  if (key === null || labels === null) return [];
  const phase = phaseOfRun(summary.PipelineExecutionStatus);
  const startedAt = summary.StartTime ?? null;
  const live = !isTerminal(phase) && startedAt !== null;
  return [
    {
      port: 'pipeline',
      key,
      remoteId: summary.PipelineExecutionArn ?? '',
      phase,
      labels,
      startedAt: startedAt?.toISOString() ?? null,
      billableSeconds: live
        ? Math.max(0, Math.round((Date.now() - startedAt.getTime()) / 1000))
        : 0,
      costUsd: null,
    },
  ];
}

async function tagsOf(far: FarSide, arn: string): Promise<Tags> {
  return readTags(far.sagemaker, arn).catch((error: unknown) => {
    // It was deleted in the meantime.
    if (isMissing(error)) return {};
    throw error;
  });
}

/** Maps with a few calls at a time; what maps to null is left out. */
async function inParallel<Item, Result>(
  items: readonly Item[],
  map: (item: Item) => Promise<Result | null>,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  const queue = items.values();
  const work = async (): Promise<void> => {
    for (const item of queue) {
      const result = await map(item);
      if (result !== null) results.push(result);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL_MAX }, work));
  return results;
}
