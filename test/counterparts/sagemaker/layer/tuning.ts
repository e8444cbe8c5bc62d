import { createRandom } from '../../../../backends/sim/random.ts';
import type { LayerClock } from './clock.ts';
import type { TrainingJobs, TrainingRecord } from './training.ts';
import { nextToken, page } from './training.ts';
import { WireError } from './wire.ts';
import type { AskMoto, Handlers, Input, Output } from './wire.ts';

type Request = Input<'CreateHyperParameterTuningJob'>;
type Trial = NonNullable<
  Output<'ListTrainingJobsForHyperParameterTuningJob'>['TrainingJobSummaries']
>[number];

interface Search {
  readonly name: string;
  readonly arn: string;
  readonly request: Request;
  readonly createdAt: number;
  readonly moto: AskMoto;
  readonly trials: { readonly record: TrainingRecord; readonly values: Record<string, string> }[];
  stopAskedAt: number | null;
}
type Status = 'InProgress' | 'Completed' | 'Failed' | 'Stopping' | 'Stopped';

/**
 * Searches: trials are training jobs that live, started as others end. The points are drawn at
 * random by a seed whatever the strategy says, and a trial's objective is computed from its point:
 * the number of its first numeric parameter, plus one for the last value of each categorical one.
 */
export class Searches {
  readonly records = new Map<string, Search>();
  readonly #clock: LayerClock;
  readonly #training: TrainingJobs;

  constructor(clock: LayerClock, training: TrainingJobs) {
    this.#clock = clock;
    this.#training = training;
  }

  statusOf(search: Search): Status {
    const { MaxNumberOfTrainingJobs = 0 } = limitsOf(search);
    const live = this.#live(search);
    if (search.stopAskedAt !== null) return live > 0 ? 'Stopping' : 'Stopped';
    if (search.trials.length < MaxNumberOfTrainingJobs || live > 0) return 'InProgress';
    const anyDone = search.trials.some(({ record }) => this.#done(record));
    return anyDone ? 'Completed' : 'Failed';
  }

  /** Starts trials until as many run as may, or as there shall be. */
  async #advance(search: Search): Promise<void> {
    const { MaxNumberOfTrainingJobs = 0, MaxParallelTrainingJobs = 1 } = limitsOf(search);
    while (
      search.stopAskedAt === null &&
      search.trials.length < MaxNumberOfTrainingJobs &&
      this.#live(search) < MaxParallelTrainingJobs
    ) {
      const number = search.trials.length + 1;
      const values = draw(search.request, number);
      const definition = search.request.TrainingJobDefinition!;
      const name = `${search.name}-${String(number).padStart(3, '0')}-${'0'.repeat(8)}`;
      const request: Input<'CreateTrainingJob'> = {
        TrainingJobName: name,
        RoleArn: definition.RoleArn,
        OutputDataConfig: definition.OutputDataConfig,
        AlgorithmSpecification: {
          TrainingInputMode: 'File',
          TrainingImage: definition.AlgorithmSpecification?.TrainingImage,
        },
        InputDataConfig: definition.InputDataConfig,
        ResourceConfig: definition.ResourceConfig,
        StoppingCondition: definition.StoppingCondition,
        HyperParameters: { ...definition.StaticHyperParameters, ...values },
        Environment: definition.Environment,
        Tags: search.request.Tags,
      };
      // Taken before moto is asked, so that two readings at once do not start one trial twice.
      const creating = this.#training.create(request, search.moto, search.arn);
      search.trials.push({ record: this.#training.find(name), values });
      await creating;
      search.trials[number - 1] = { record: this.#training.find(name), values };
    }
  }

  #live(search: Search): number {
    return search.trials.filter(
      ({ record }) => this.#training.momentOf(this.#training.find(record.name)).endAt === null,
    ).length;
  }

  #done(record: TrainingRecord): boolean {
    return this.#training.momentOf(this.#training.find(record.name)).status === 'Completed';
  }

  handlers(): Handlers<
    | 'CreateHyperParameterTuningJob'
    | 'DescribeHyperParameterTuningJob'
    | 'ListHyperParameterTuningJobs'
    | 'ListTrainingJobsForHyperParameterTuningJob'
    | 'StopHyperParameterTuningJob'
  > {
    return {
      CreateHyperParameterTuningJob: (request, moto) => this.#create(request, moto),
      DescribeHyperParameterTuningJob: async ({ HyperParameterTuningJobName }) => {
        const search = this.#find(HyperParameterTuningJobName);
        await this.#advance(search);
        return this.#description(search);
      },
      ListHyperParameterTuningJobs: async (query) => {
        const all = [...this.records.values()].reverse().map((search) => ({
          HyperParameterTuningJobName: search.name,
          HyperParameterTuningJobArn: search.arn,
          HyperParameterTuningJobStatus: this.statusOf(search),
          Strategy: search.request.HyperParameterTuningJobConfig!.Strategy,
          CreationTime: search.createdAt / 1000,
          TrainingJobStatusCounters: {},
          ObjectiveStatusCounters: {},
        }));
        const fits = all.filter(
          ({ HyperParameterTuningJobStatus: status }) => (query.StatusEquals ?? status) === status,
        );
        return {
          HyperParameterTuningJobSummaries: page(fits, query),
          ...nextToken(fits, query),
        };
      },
      ListTrainingJobsForHyperParameterTuningJob: async (query) => {
        const search = this.#find(query.HyperParameterTuningJobName);
        await this.#advance(search);
        const all = search.trials.map((trial) => this.#summary(search, trial));
        return { TrainingJobSummaries: page(all, query), ...nextToken(all, query) };
      },
      StopHyperParameterTuningJob: async ({ HyperParameterTuningJobName }) => {
        const search = this.#find(HyperParameterTuningJobName);
        search.stopAskedAt ??= this.#clock.now();
        for (const { record } of search.trials) {
          const trial = this.#training.find(record.name);
          if (this.#training.momentOf(trial).endAt === null) this.#training.stop(trial);
        }
        return {};
      },
    };
  }

  async #create(request: Request, moto: AskMoto) {
    const name = request.HyperParameterTuningJobName!;
    if (this.records.has(name)) {
      throw new WireError('ResourceInUse', `A tuning job named ${name} already exists`);
    }
    if (name.length > 32) {
      throw new WireError('ValidationException', `HyperParameterTuningJobName ${name} is too long`);
    }
    const placeholder: Search = {
      name,
      arn: '',
      request,
      createdAt: this.#clock.now(),
      moto,
      trials: [],
      stopAskedAt: null,
    };
    this.records.set(name, placeholder);
    try {
      const reply = (await moto(
        'CreateHyperParameterTuningJob',
        request,
      )) as Output<'CreateHyperParameterTuningJob'>;
      this.records.set(name, { ...placeholder, arn: reply.HyperParameterTuningJobArn! });
      return reply;
    } catch (error) {
      this.records.delete(name);
      throw error;
    }
  }

  #find(name: string | undefined): Search {
    const search = this.records.get(name ?? '');
    if (search !== undefined) return search;
    throw new WireError(
      'ResourceNotFound',
      `Amazon SageMaker can't find a tuning job with ${name}`,
    );
  }

  #description(search: Search): Output<'DescribeHyperParameterTuningJob'> {
    const summaries = search.trials.map((trial) => this.#summary(search, trial));
    const best = summaries
      .filter(({ FinalHyperParameterTuningJobObjectiveMetric: metric }) => metric !== undefined)
      .toSorted((one, other) => better(search, one, other))[0];
    return {
      HyperParameterTuningJobName: search.name,
      HyperParameterTuningJobArn: search.arn,
      HyperParameterTuningJobConfig: search.request.HyperParameterTuningJobConfig,
      TrainingJobDefinition: search.request.TrainingJobDefinition,
      HyperParameterTuningJobStatus: this.statusOf(search),
      CreationTime: search.createdAt / 1000,
      TrainingJobStatusCounters: {
        Completed: summaries.filter((each) => each.TrainingJobStatus === 'Completed').length,
        InProgress: summaries.filter((each) => each.TrainingJobStatus === 'InProgress').length,
        Stopped: summaries.filter((each) => each.TrainingJobStatus === 'Stopped').length,
      },
      ObjectiveStatusCounters: {},
      ...(best === undefined ? {} : { BestTrainingJob: best }),
    };
  }

  #summary(search: Search, { record, values }: Search['trials'][number]): Trial {
    const moment = this.#training.momentOf(this.#training.find(record.name));
    const { MetricName, Type } = objectiveOf(search)!;
    const tuned = Object.entries(values);
    return {
      TrainingJobName: record.name,
      TrainingJobArn: this.#training.find(record.name).arn,
      CreationTime: record.createdAt / 1000,
      TrainingJobStatus: moment.status,
      TunedHyperParameters: Object.fromEntries(tuned),
      ...(moment.failure === null ? {} : { FailureReason: moment.failure }),
      ...(moment.status === 'Completed'
        ? {
            FinalHyperParameterTuningJobObjectiveMetric: {
              Type,
              MetricName,
              Value: objectiveValue(search, values),
            },
            ObjectiveStatus: 'Succeeded' as const,
          }
        : {}),
    };
  }
}

const limitsOf = ({ request }: Search) => request.HyperParameterTuningJobConfig!.ResourceLimits!;
const objectiveOf = ({ request }: Search) =>
  request.HyperParameterTuningJobConfig!.HyperParameterTuningJobObjective;

function better(search: Search, one: Trial, other: Trial): number {
  const value = (trial: Trial) => trial.FinalHyperParameterTuningJobObjectiveMetric!.Value!;
  const sign = objectiveOf(search)!.Type === 'Maximize' ? -1 : 1;
  return sign * (value(one) - value(other));
}

function rangesOf({ HyperParameterTuningJobConfig: config }: Request) {
  const ranges = config!.ParameterRanges ?? {};
  return {
    numeric: [
      ...(ranges.ContinuousParameterRanges ?? []),
      ...(ranges.IntegerParameterRanges ?? []).map((range) => ({ ...range, whole: true })),
    ],
    categorical: ranges.CategoricalParameterRanges ?? [],
  };
}

function draw(request: Request, number: number): Record<string, string> {
  const random = createRandom(number, 'trial');
  const { numeric, categorical } = rangesOf(request);
  const values: Record<string, string> = {};
  for (const range of numeric) {
    const [min, max] = [Number(range.MinValue), Number(range.MaxValue)];
    const value = min + random.next() * (max - min);
    values[range.Name!] = String('whole' in range ? Math.round(value) : value);
  }
  for (const { Name, Values = [] } of categorical) {
    values[Name!] = Values[Math.floor(random.next() * Values.length)]!;
  }
  return values;
}

function objectiveValue({ request }: Search, values: Readonly<Record<string, string>>): number {
  const { numeric, categorical } = rangesOf(request);
  const first = numeric[0]?.Name;
  const base = first === undefined ? 0 : Number(values[first]);
  const extra = categorical.filter(({ Name, Values = [] }) => values[Name!] === Values.at(-1));
  return base + extra.length;
}
