import type { LayerClock } from './clock.ts';
import { metadataOf, put, stepsOf } from './steps.ts';
import type { Step, StepReading } from './steps.ts';
import { nextToken, page } from './training.ts';
import { WireError } from './wire.ts';
import type { AskMoto, Handlers, Input, Output } from './wire.ts';

/** What the steps of a run do; the parameter `life` of a run holds it as JSON. */
interface RunLife {
  /** Seconds of each step. */
  readonly stepSeconds: number;
  /** Name of the step that fails, and how often it does before it succeeds. */
  readonly fails: string;
  readonly failures: number;
  /** Name of the step that waits for its callback for ever. */
  readonly waits: string;
  readonly stoppingSeconds: number;
}
const USUAL: RunLife = { stepSeconds: 2, fails: '', failures: 1, waits: '', stoppingSeconds: 1 };

export interface Execution {
  readonly arn: string;
  readonly token: string;
  readonly pipeline: string;
  readonly displayName: string;
  readonly request: Input<'StartPipelineExecution'>;
  readonly steps: readonly Step[];
  readonly life: RunLife;
  readonly createdAt: number;
  /** Each stretch of running: the first, and one for each retry. */
  readonly attempts: { from: number; firstStep: number }[];
  stopAskedAt: number | null;
  /** Callback steps that were told to fail, by name. */
  readonly failedCallbacks: Set<string>;
  modifiedAt: number;
}
interface Moment {
  readonly status: 'Executing' | 'Stopping' | 'Stopped' | 'Failed' | 'Succeeded';
  readonly steps: readonly StepReading[];
}
const MS = 1000;

/**
 * Runs of pipelines. Steps run one after the other in the order of the definition. A callback step
 * that waits is not ended by StopPipelineExecution: the run stays Stopping until
 * SendPipelineExecutionStepFailure ends the step, as the documentation of the stop says.
 */
export class Pipelines {
  readonly executions = new Map<string, Execution>();
  readonly #byToken = new Map<string, Promise<Execution>>();
  readonly #retries = new Set<string>();
  readonly #hidden = new Set<string>();
  readonly #clock: LayerClock;

  constructor(clock: LayerClock) {
    this.#clock = clock;
  }

  /** As AWS does after a time that it does not state. */
  forgetTokens(): void {
    this.#byToken.clear();
  }

  /** Leaves a run out of the next list, as if it came a moment later. */
  hideOnce(arn: string): void {
    this.#hidden.add(arn);
  }

  momentOf(execution: Execution): Moment {
    const now = this.#clock.now();
    const { life, steps, attempts, stopAskedAt } = execution;
    const readings: StepReading[] = [];
    for (const [number, attempt] of attempts.entries()) {
      let at = attempt.from;
      for (const step of steps.slice(attempt.firstStep)) {
        if (at > now) break;
        if (stopAskedAt !== null && at >= stopAskedAt) break;
        const until = at + life.stepSeconds * MS;
        const reading = this.#stepReading(execution, step, at, until, number);
        put(readings, reading);
        if (reading.StepStatus !== 'Succeeded') break;
        at = until;
      }
    }
    return { status: this.#statusOf(execution, readings, now), steps: readings };
  }

  #statusOf(
    { steps, stopAskedAt, life }: Execution,
    readings: readonly StepReading[],
    now: number,
  ): Moment['status'] {
    if (readings.some(({ StepStatus }) => StepStatus === 'Failed') && stopAskedAt === null)
      return 'Failed';
    const done = readings.filter(({ StepStatus }) => StepStatus === 'Succeeded').length;
    if (done === steps.length) return 'Succeeded';
    if (stopAskedAt === null) return 'Executing';
    const live = readings.some(({ StepStatus }) => StepStatus === 'Executing');
    return live || now < stopAskedAt + life.stoppingSeconds * MS ? 'Stopping' : 'Stopped';
  }

  #stepReading(
    execution: Execution,
    { name, type }: Step,
    from: number,
    until: number,
    attempt: number,
  ): StepReading {
    const { life, stopAskedAt, failedCallbacks, arn } = execution;
    const now = this.#clock.now();
    const metadata = metadataOf(arn, name, type);
    const known = { StepName: name, StartTime: from / MS, AttemptCount: attempt + 1 };
    const ended = (StepStatus: 'Succeeded' | 'Failed' | 'Stopped', FailureReason?: string) => ({
      ...known,
      EndTime: Math.min(until, now) / MS,
      StepStatus,
      Metadata: metadata,
      FailureReason,
    });
    if (life.waits === name) {
      if (failedCallbacks.has(name)) return ended('Failed', 'told to fail');
      return { ...known, StepStatus: 'Executing', Metadata: metadata };
    }
    if (stopAskedAt !== null && stopAskedAt < until) {
      return now >= stopAskedAt + life.stoppingSeconds * MS
        ? ended('Stopped')
        : { ...known, StepStatus: 'Executing', Metadata: metadata };
    }
    if (now < until) return { ...known, StepStatus: 'Executing', Metadata: metadata };
    const fails = life.fails === name && attempt < life.failures;
    return fails
      ? ended('Failed', 'ClientError: the training job of this step failed, exit code: 3')
      : ended('Succeeded');
  }

  /** A second call with a token answers with the first one’s run. */
  async #start(request: Input<'StartPipelineExecution'>, moto: AskMoto): Promise<Execution> {
    const { PipelineName = '', ClientRequestToken: token = '' } = request;
    const known = `${PipelineName}/${token}`;
    const before = this.#byToken.get(known);
    if (before !== undefined) return before;
    const starting = this.#startAnew(request, moto);
    this.#byToken.set(known, starting);
    starting.catch(() => this.#byToken.delete(known));
    return starting;
  }

  async #startAnew(request: Input<'StartPipelineExecution'>, moto: AskMoto): Promise<Execution> {
    const { PipelineName = '', ClientRequestToken: token = '' } = request;
    const described = (await moto('DescribePipeline', { PipelineName })) as {
      PipelineDefinition?: string;
    };
    const { PipelineExecutionArn: arn = '' } = (await moto(
      'StartPipelineExecution',
      request,
    )) as Output<'StartPipelineExecution'>;
    const life = request.PipelineParameters?.find(({ Name }) => Name === 'life')?.Value;
    const now = this.#clock.now();
    const execution: Execution = {
      arn,
      token,
      pipeline: PipelineName,
      displayName: request.PipelineExecutionDisplayName ?? '',
      request,
      steps: stepsOf(described.PipelineDefinition ?? '{}'),
      life: { ...USUAL, ...(life === undefined ? {} : (JSON.parse(life) as object)) },
      createdAt: now,
      attempts: [{ from: now, firstStep: 0 }],
      stopAskedAt: null,
      failedCallbacks: new Set(),
      modifiedAt: now,
    };
    this.executions.set(arn, execution);
    return execution;
  }

  handlers(): Handlers<
    | 'StartPipelineExecution'
    | 'DescribePipelineExecution'
    | 'ListPipelineExecutions'
    | 'ListPipelineExecutionSteps'
    | 'StopPipelineExecution'
    | 'RetryPipelineExecution'
    | 'SendPipelineExecutionStepFailure'
  > {
    return {
      StartPipelineExecution: async (request, moto) => ({
        PipelineExecutionArn: (await this.#start(request, moto)).arn,
      }),
      DescribePipelineExecution: async ({ PipelineExecutionArn }) =>
        this.#description(this.#find(PipelineExecutionArn)),
      ListPipelineExecutions: async (query) => {
        const all = [...this.executions.values()]
          .filter(
            ({ pipeline, arn }) => pipeline === query.PipelineName && !this.#hidden.delete(arn),
          )
          .reverse()
          .map((execution) => this.#summary(execution));
        return { PipelineExecutionSummaries: page(all, query), ...nextToken(all, query) };
      },
      ListPipelineExecutionSteps: async (query) => {
        const { steps } = this.momentOf(this.#find(query.PipelineExecutionArn));
        return { PipelineExecutionSteps: page(steps, query), ...nextToken(steps, query) };
      },
      StopPipelineExecution: async ({ PipelineExecutionArn }) => {
        const execution = this.#find(PipelineExecutionArn);
        const { status } = this.momentOf(execution);
        if (status === 'Executing') execution.stopAskedAt = this.#clock.now();
        else if (status !== 'Stopping') throw conflict(`a run that is ${status} cannot be stopped`);
        return { PipelineExecutionArn };
      },
      RetryPipelineExecution: async ({ PipelineExecutionArn, ClientRequestToken }) => {
        this.#retry(this.#find(PipelineExecutionArn), ClientRequestToken ?? '');
        return { PipelineExecutionArn };
      },
      SendPipelineExecutionStepFailure: async ({ CallbackToken = '' }) => {
        const [arn = '', step = ''] = Buffer.from(CallbackToken, 'base64url').toString().split(' ');
        this.#find(arn).failedCallbacks.add(step);
        return { PipelineExecutionArn: arn };
      },
    };
  }

  #retry(execution: Execution, token: string): void {
    if (this.#retries.has(`${execution.arn}/${token}`)) return;
    const { status, steps } = this.momentOf(execution);
    if (status !== 'Failed' && status !== 'Stopped') {
      throw conflict(`a run that is ${status} cannot be retried`);
    }
    this.#retries.add(`${execution.arn}/${token}`);
    const firstStep = steps.filter(({ StepStatus }) => StepStatus === 'Succeeded').length;
    execution.stopAskedAt = null;
    execution.failedCallbacks.clear();
    execution.modifiedAt = this.#clock.now();
    execution.attempts.push({ from: this.#clock.now(), firstStep });
  }

  #find(arn: string | undefined): Execution {
    const execution = this.executions.get(arn ?? '');
    if (execution !== undefined) return execution;
    throw new WireError('ResourceNotFound', `PipelineExecution with ARN [${arn}] does not exist`);
  }

  #description(execution: Execution): Output<'DescribePipelineExecution'> {
    const { arn, request, createdAt } = execution;
    const { status, steps } = this.momentOf(execution);
    const ends = steps.map(({ EndTime }) => (EndTime ?? 0) * MS);
    return {
      PipelineArn: arn.split('/execution/')[0],
      PipelineExecutionArn: arn,
      PipelineExecutionDisplayName: request.PipelineExecutionDisplayName,
      PipelineExecutionDescription: request.PipelineExecutionDescription,
      PipelineExecutionStatus: status,
      FailureReason:
        status === 'Failed' ? 'Step failure: One or multiple steps failed.' : undefined,
      CreationTime: createdAt / MS,
      LastModifiedTime: Math.max(execution.modifiedAt, ...ends) / MS,
    };
  }

  #summary(execution: Execution) {
    return {
      PipelineExecutionArn: execution.arn,
      StartTime: execution.createdAt / MS,
      PipelineExecutionStatus: this.momentOf(execution).status,
      PipelineExecutionDescription: execution.request.PipelineExecutionDescription,
      PipelineExecutionDisplayName: execution.displayName,
    };
  }
}

function conflict(text: string): WireError {
  return new WireError('ConflictException', text);
}
