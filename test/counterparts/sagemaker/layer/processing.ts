import type { LayerClock } from './clock.ts';
import { lifeFrom, momentOf } from './life.ts';
import type { Lived, Moment } from './life.ts';
import { writeOutputs } from './outputs.ts';
import type { PutObject } from './outputs.ts';
import { nextToken, page } from './training.ts';
import { WireError } from './wire.ts';
import type { Handlers, Input, Output } from './wire.ts';

interface ProcessingRecord extends Lived {
  readonly name: string;
  readonly arn: string;
  readonly request: Input<'CreateProcessingJob'>;
  outputsWritten: boolean;
  /** What moto tells of it, which never changes there. */
  told?: Description;
}
type Description = Output<'DescribeProcessingJob'>;

/** Processing jobs that live; without spot, without secondary states, without billable times. */
export class ProcessingJobs {
  readonly records = new Map<string, ProcessingRecord>();
  /** Name of every job that moto accepted, in order: the ledger. */
  readonly created: string[] = [];
  readonly #clock: LayerClock;
  readonly #put: PutObject;

  constructor(clock: LayerClock, put: PutObject) {
    this.#clock = clock;
    this.#put = put;
  }

  momentOf(record: ProcessingRecord): Moment {
    return momentOf(record, this.#clock.now());
  }

  handlers(): Handlers<
    'CreateProcessingJob' | 'DescribeProcessingJob' | 'ListProcessingJobs' | 'StopProcessingJob'
  > {
    return {
      CreateProcessingJob: async (request, moto) => {
        const name = request.ProcessingJobName!;
        if (this.records.has(name)) {
          throw new WireError('ResourceInUse', `Processing job already exists: ${name}`);
        }
        const record = this.#record(request);
        this.records.set(name, record);
        try {
          const reply = (await moto(
            'CreateProcessingJob',
            request,
          )) as Output<'CreateProcessingJob'>;
          this.records.set(name, { ...record, arn: reply.ProcessingJobArn! });
          this.created.push(name);
          return reply;
        } catch (error) {
          this.records.delete(name);
          throw error;
        }
      },
      DescribeProcessingJob: async ({ ProcessingJobName }, moto) => {
        const record = this.#find(ProcessingJobName!);
        const moment = this.momentOf(record);
        if (moment.status === 'Completed' && !record.outputsWritten) {
          const to = record.request.ProcessingOutputConfig?.Outputs?.[0]?.S3Output?.S3Uri ?? '';
          await writeOutputs(this.#put, to, record.request);
          record.outputsWritten = true;
        }
        record.told ??= (await moto('DescribeProcessingJob', {
          ProcessingJobName,
        })) as Description;
        return { ...record.told, ...overlay(record, moment) };
      },
      ListProcessingJobs: async (query) => {
        const all = [...this.records.values()].reverse().map((record) => this.#summary(record));
        const fits = all.filter(
          ({ ProcessingJobStatus, LastModifiedTime }) =>
            (query.StatusEquals ?? ProcessingJobStatus) === ProcessingJobStatus &&
            LastModifiedTime! >= (query.LastModifiedTimeAfter ?? 0),
        );
        return { ProcessingJobSummaries: page(fits, query), ...nextToken(fits, query) };
      },
      StopProcessingJob: async ({ ProcessingJobName }) => {
        const record = this.#find(ProcessingJobName!);
        const { status } = this.momentOf(record);
        if (status !== 'InProgress' && status !== 'Stopping') {
          throw new WireError('ValidationException', `The job is in status ${status}.`);
        }
        record.stopAskedAt ??= this.#clock.now();
        return {};
      },
    };
  }

  #record(request: Input<'CreateProcessingJob'>): ProcessingRecord {
    return {
      name: request.ProcessingJobName!,
      arn: '',
      request,
      life: lifeFrom(request.AppSpecification?.ContainerArguments ?? []),
      createdAt: this.#clock.now(),
      spot: false,
      runtimeSecondsMax: request.StoppingCondition?.MaxRuntimeInSeconds ?? Infinity,
      waitSecondsMax: Infinity,
      stopAskedAt: null,
      outputsWritten: false,
    };
  }

  #find(name: string): ProcessingRecord {
    const record = this.records.get(name);
    if (record !== undefined) return record;
    throw new WireError('ValidationException', `Could not find requested job with name: ${name}`);
  }

  #summary(record: ProcessingRecord) {
    const moment = this.momentOf(record);
    return {
      ProcessingJobName: record.name,
      ProcessingJobArn: record.arn,
      CreationTime: record.createdAt / 1000,
      LastModifiedTime: (moment.segments.at(-1)?.from ?? record.createdAt) / 1000,
      ProcessingJobStatus: moment.status,
    };
  }
}

function overlay(record: ProcessingRecord, moment: Moment): Partial<Description> {
  return {
    ProcessingJobArn: record.arn,
    ProcessingJobStatus: moment.status,
    CreationTime: record.createdAt / 1000,
    ProcessingStartTime:
      moment.trainingStartAt === null ? undefined : moment.trainingStartAt / 1000,
    ProcessingEndTime: moment.endAt === null ? undefined : moment.endAt / 1000,
    ProcessingResources: record.request.ProcessingResources,
    ...(moment.failure === null
      ? {}
      : { FailureReason: moment.failure, ExitMessage: `exit code ${record.life.exitCode}` }),
    ...(record.request.Environment === undefined
      ? {}
      : { Environment: record.request.Environment }),
  };
}
