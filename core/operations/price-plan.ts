import { backendFor, backendsForStep } from '../backend.ts';
import type { BackendChoice, ComputeStep } from '../backend.ts';
import type { LifecycleRequest } from '../lifecycle/request.ts';
import type { PipelineRequest, PipelineStep } from '../pipeline/request.ts';
import type { JobSpec } from '../ports/compute.ts';
import type { PriceQuote } from '../ports/prices.ts';
import { SCORE_TIMEOUT_SECONDS } from '../release/evaluation.ts';
import type { TrainRequest } from '../training/request.ts';
import type { TuneRequest } from '../tuning/request.ts';

type Resources = JobSpec['resources'];

/** A request that can be started, by the workflow that takes it. */
export type StartRequest =
  | { readonly workflow: 'runLifecycle'; readonly request: LifecycleRequest }
  | { readonly workflow: 'trainModel'; readonly request: TrainRequest }
  | { readonly workflow: 'tuneModel'; readonly request: TuneRequest }
  | { readonly workflow: 'runPipeline'; readonly request: PipelineRequest };

/** A step as it will be run, before anybody was asked for a price. */
export interface PlannedStep {
  readonly step: string;
  /** In the order in which they are tried. */
  readonly backends: readonly string[];
  /** Whose price book counts where a backend has none. */
  readonly pricesFrom: string;
  /** null where the far side chooses the machine itself. */
  readonly resources: Resources | null;
  /** Wall-clock limit of one attempt. */
  readonly limitSeconds: number;
  /** Most machine seconds on one backend: every attempt of every job at its limit. */
  readonly machineSecondsMax: number;
  /** Most machine seconds over all backends, where something else bounds them; null where nothing does. */
  readonly machineSecondsTotalMax: number | null;
}

/** A row of the table that is printed before anything is started. */
export interface PricedStep extends PlannedStep {
  /** In the order of `backends`; null where nobody told a price. */
  readonly prices: readonly (PriceQuote | null)[];
  /** US dollars if everything goes as badly as the policy allows; null where a price is missing. */
  readonly usdMax: number | null;
}

const SECONDS_PER_HOUR = 3600;

/** The steps of a request that hold machines, in the order of their start. */
export function plannedSteps({ workflow, request }: StartRequest): readonly PlannedStep[] {
  switch (workflow) {
    case 'runLifecycle':
      return [
        ...(request.data.refresh === undefined
          ? []
          : [pipelineStep('refresh', request.backends, request.data.refresh)]),
        ...trainingSteps(request),
        // The champion is scored beside the candidate.
        jobStep(request, 'score', SCORE_TIMEOUT_SECONDS, 2),
      ];
    case 'trainModel':
      return trainingSteps(request);
    case 'tuneModel':
      return [searchStep(request)];
    case 'runPipeline':
      return [pipelineStep('pipeline', request.backends, request)];
  }
}

/** Adds prices, one for each backend of the step in its order. */
export function pricedStep(step: PlannedStep, prices: readonly (PriceQuote | null)[]): PricedStep {
  const usd = prices.map((price) => price?.usdPerHour ?? null);
  if (step.resources === null || usd.includes(null)) return { ...step, prices, usdMax: null };
  const hourly = usd as readonly number[];
  const sum = hourly.reduce((total, each) => total + each, 0);
  const all = (sum * step.machineSecondsMax) / SECONDS_PER_HOUR;
  const { machineSecondsTotalMax } = step;
  const bounded =
    machineSecondsTotalMax === null
      ? all
      : (Math.max(...hourly) * machineSecondsTotalMax) / SECONDS_PER_HOUR;
  return { ...step, prices, usdMax: Math.min(all, bounded) };
}

type Trained = Pick<LifecycleRequest, 'backends' | 'training'>;

function trainingSteps(request: Trained): readonly PlannedStep[] {
  const { prepare, train } = request.training;
  return [
    jobStep(request, 'prepare', prepare.timeoutSeconds, 1),
    jobStep(request, 'train', train.timeoutSeconds, 1),
  ];
}

function jobStep(
  { backends, training }: Trained,
  step: ComputeStep,
  limitSeconds: number,
  jobs: number,
): PlannedStep {
  const { policy, graceSeconds, resources } = training;
  return {
    step,
    backends: backendsForStep(backends, step),
    pricesFrom: backendFor(backends, 'prices'),
    resources,
    limitSeconds,
    machineSecondsMax: jobs * policy.attemptsMax * (limitSeconds + graceSeconds),
    machineSecondsTotalMax: null,
  };
}

function pipelineStep(
  step: string,
  backends: BackendChoice,
  { pipeline }: { readonly pipeline: PipelineStep },
): PlannedStep {
  return {
    step: `${step} ${pipeline.pipeline}`,
    backends: pipeline.on ?? [backendFor(backends, 'pipeline')],
    pricesFrom: backendFor(backends, 'prices'),
    resources: null,
    limitSeconds: pipeline.timeoutSeconds,
    machineSecondsMax: 0,
    machineSecondsTotalMax: null,
  };
}

/** A search is over at its own limit, however many trials there might have been. */
function searchStep({ backends, engine, on, search, policy }: TuneRequest): PlannedStep {
  const { trial, trialsMax, parallelMax, timeoutSeconds } = search;
  const otherwise =
    engine === 'backend' ? [backendFor(backends, 'tuning')] : backendsForStep(backends, trial.kind);
  const searches = engine === 'backend' ? policy.attemptsMax * (on ?? otherwise).length : 1;
  return {
    step: `search ${trialsMax} trials, ${parallelMax} at once`,
    backends: on ?? otherwise,
    pricesFrom: backendFor(backends, 'prices'),
    resources: trial.resources,
    limitSeconds: timeoutSeconds,
    machineSecondsMax: trialsMax * policy.attemptsMax * (trial.timeoutSeconds + trial.graceSeconds),
    machineSecondsTotalMax: searches * parallelMax * (timeoutSeconds + trial.graceSeconds),
  };
}
