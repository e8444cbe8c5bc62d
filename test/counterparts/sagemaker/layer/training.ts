import type { LayerClock } from './clock.ts';
import { lifeFrom, momentOf } from './life.ts';
import type { Lived, Moment } from './life.ts';
import { writeOutputs } from './outputs.ts';
import type { PutObject } from './outputs.ts';
import { nameOfArn, WireError } from './wire.ts';
import type { AskMoto, Handlers, Input, Output } from './wire.ts';

type Request = Input<'CreateTrainingJob'>;
type Description = Output<'DescribeTrainingJob'>;

export interface TrainingRecord extends Lived {
  readonly name: string;
  readonly arn: string;
  readonly request: Request;
  /** Set for the trials of a search. */
  readonly tuningJobArn: string | null;
  outputsWritten: boolean;
  /** What moto tells of it, which never changes there. */
  told?: Description;
}

const PAGE = 100;
/** Defaults of StoppingCondition: one day. */
const RUNTIME_SECONDS_DEFAULT = 86_400;

/** Training jobs that live. */
export class TrainingJobs {
  readonly records = new Map<string, TrainingRecord>();
  /** Name of every job that moto accepted, in order: the ledger. */
  readonly created: string[] = [];
  readonly #clock: LayerClock;
  readonly #put: PutObject;

  constructor(clock: LayerClock, put: PutObject) {
    this.#clock = clock;
    this.#put = put;
  }

  momentOf(record: TrainingRecord): Moment {
    return momentOf(record, this.#clock.now());
  }

  /** Accepts a request; the name is reserved before moto is asked, so that two callers cannot both win. */
  async create(request: Request, moto: AskMoto, tuningJobArn: string | null = null) {
    const name = request.TrainingJobName!;
    if (this.records.has(name)) {
      throw new WireError(
        'ResourceInUse',
        `Training job names must be unique within an AWS account and region, and a training job with this name already exists (${name})`,
      );
    }
    const { MaxRuntimeInSeconds, MaxWaitTimeInSeconds } = request.StoppingCondition ?? {};
    const spot = request.EnableManagedSpotTraining === true;
    const runtimeSecondsMax = MaxRuntimeInSeconds ?? RUNTIME_SECONDS_DEFAULT;
    checkWaiting(spot, runtimeSecondsMax, MaxWaitTimeInSeconds);
    const record: TrainingRecord = {
      name,
      arn: '',
      request,
      tuningJobArn,
      life: lifeFrom([
        ...(request.AlgorithmSpecification?.ContainerArguments ?? []),
        ...wordsOf(request.HyperParameters ?? {}),
      ]),
      createdAt: this.#clock.now(),
      spot,
      runtimeSecondsMax,
      waitSecondsMax: MaxWaitTimeInSeconds ?? Infinity,
      stopAskedAt: null,
      outputsWritten: false,
    };
    this.records.set(name, record);
    try {
      const { TrainingJobArn } = (await moto(
        'CreateTrainingJob',
        request,
      )) as Output<'CreateTrainingJob'>;
      this.records.set(name, { ...record, arn: TrainingJobArn! });
      this.created.push(name);
      return { TrainingJobArn };
    } catch (error) {
      this.records.delete(name);
      throw error;
    }
  }

  stop(record: TrainingRecord): void {
    const { status } = this.momentOf(record);
    if (status === 'Stopping') return;
    if (status !== 'InProgress') {
      throw new WireError(
        'ValidationException',
        `The request was rejected because the training job is in status ${status}.`,
      );
    }
    record.stopAskedAt = this.#clock.now();
  }

  find(name: string): TrainingRecord {
    const record = this.records.get(name);
    if (record !== undefined) return record;
    throw new WireError('ValidationException', 'Requested resource not found.');
  }

  handlers(): Handlers<
    'CreateTrainingJob' | 'DescribeTrainingJob' | 'ListTrainingJobs' | 'StopTrainingJob'
  > {
    return {
      CreateTrainingJob: (request, moto) => this.create(request, moto),
      DescribeTrainingJob: async ({ TrainingJobName }, moto) => {
        const record = this.find(TrainingJobName!);
        const moment = this.momentOf(record);
        if (moment.status === 'Completed' && !record.outputsWritten) {
          const path = record.request.OutputDataConfig?.S3OutputPath ?? '';
          await writeOutputs(this.#put, `${path}/${record.name}/output/model`, record.request);
          record.outputsWritten = true;
        }
        record.told ??= (await moto('DescribeTrainingJob', { TrainingJobName })) as Description;
        return { ...record.told, ...overlay(record, moment) };
      },
      ListTrainingJobs: async (query) => {
        const all = [...this.records.values()].reverse().map((record) => this.#summary(record));
        const fits = all.filter(
          ({ TrainingJobName, TrainingJobStatus, LastModifiedTime }) =>
            TrainingJobName!.includes(query.NameContains ?? '') &&
            (query.StatusEquals ?? TrainingJobStatus) === TrainingJobStatus &&
            LastModifiedTime! >= (query.LastModifiedTimeAfter ?? 0),
        );
        return { TrainingJobSummaries: page(fits, query), ...nextToken(fits, query) };
      },
      StopTrainingJob: async ({ TrainingJobName }) => {
        this.stop(this.find(TrainingJobName!));
        return {};
      },
    };
  }

  #summary(record: TrainingRecord) {
    const moment = this.momentOf(record);
    return {
      TrainingJobName: record.name,
      TrainingJobArn: record.arn,
      CreationTime: record.createdAt / 1000,
      LastModifiedTime: (moment.segments.at(-1)?.from ?? record.createdAt) / 1000,
      TrainingJobStatus: moment.status,
    };
  }
}

/** Managed spot: MaxWaitTimeInSeconds is wanted, and not less than MaxRuntimeInSeconds. */
function checkWaiting(spot: boolean, runtime: number, wait: number | undefined): void {
  if (!spot || (wait !== undefined && wait >= runtime)) return;
  throw new WireError(
    'ValidationException',
    `Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds (${runtime})`,
  );
}

/** Values of hyper-parameters; one that is a list in JSON stands for its words. */
export function wordsOf(hyperParameters: Readonly<Record<string, string>>): readonly string[] {
  return Object.values(hyperParameters).flatMap((value) =>
    value.startsWith('[') ? (JSON.parse(value) as string[]) : [value],
  );
}

function overlay(record: TrainingRecord, moment: Moment): Partial<Description> {
  const { request } = record;
  const over = moment.endAt !== null;
  return {
    TrainingJobArn: record.arn,
    ...(record.tuningJobArn === null ? {} : { TuningJobArn: record.tuningJobArn }),
    TrainingJobStatus: moment.status,
    // A status that the SDK does not know yet is part of some scripts.
    SecondaryStatus: moment.secondary as NonNullable<Description['SecondaryStatus']>,
    SecondaryStatusTransitions: moment.segments.map(({ status, from, to, message }) => ({
      Status: status as NonNullable<Description['SecondaryStatus']>,
      StartTime: from / 1000,
      ...(to === null ? {} : { EndTime: to / 1000 }),
      StatusMessage: message,
    })),
    CreationTime: record.createdAt / 1000,
    LastModifiedTime: (moment.segments.at(-1)?.from ?? record.createdAt) / 1000,
    TrainingStartTime: moment.trainingStartAt === null ? undefined : moment.trainingStartAt / 1000,
    TrainingEndTime: moment.endAt === null ? undefined : moment.endAt / 1000,
    ...(over
      ? {
          TrainingTimeInSeconds: moment.trainingSeconds,
          BillableTimeInSeconds: moment.billableSeconds,
        }
      : {}),
    ...(moment.failure === null ? {} : { FailureReason: moment.failure }),
    ...(request.Environment === undefined ? {} : { Environment: request.Environment }),
    EnableManagedSpotTraining: record.spot,
    AlgorithmSpecification: request.AlgorithmSpecification,
  };
}

interface Paged {
  readonly MaxResults?: number | undefined;
  readonly NextToken?: string | undefined;
}

export function page<Item>(all: readonly Item[], { MaxResults = PAGE, NextToken }: Paged): Item[] {
  const from = Number(NextToken ?? 0);
  return all.slice(from, from + MaxResults);
}

export function nextToken(all: readonly unknown[], { MaxResults = PAGE, NextToken }: Paged) {
  const next = Number(NextToken ?? 0) + MaxResults;
  return next < all.length ? { NextToken: String(next) } : {};
}

/** The job that an ARN or a name means. */
export const jobNameOf = (name: string): string =>
  name.startsWith('arn:') ? nameOfArn(name) : name;
