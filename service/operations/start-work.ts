import type { Client } from '@temporalio/client';
import { OrreryError } from '../../core/errors.ts';
import { lifecycleId, pipelineId, trainingId, tuningId } from '../../core/ids.ts';
import type { Resources } from '../../core/operations/order.ts';
import { plannedSteps, pricedStep } from '../../core/operations/price-plan.ts';
import type { PricedStep, StartRequest } from '../../core/operations/price-plan.ts';
import type { PriceQuote } from '../../core/ports/prices.ts';
import { parseLifecycleRequest, parseTrainRequest } from '../../schemas/lifecycle.ts';
import { parsePipelineRequest } from '../../schemas/pipeline.ts';
import { parseTuneRequest } from '../../schemas/tuning.ts';
import { giveOrder } from './give-order.ts';
import { startOnce } from './start-once.ts';
import type { RunStart } from './start-once.ts';

export type StartKind = StartRequest['workflow'];

/** What a request would cost, before anything is started. */
export interface StartPlan {
  readonly workflowId: string;
  readonly steps: readonly PricedStep[];
  /** Sum over the steps; null where one has no price. */
  readonly usdMax: number | null;
  /** The run's own cap, where its request has one. */
  readonly costUsdMax: number | null;
}

/** @throws OrreryError REQUEST_INVALID */
export function parseStart(workflow: StartKind, value: unknown): StartRequest {
  switch (workflow) {
    case 'runLifecycle':
      return { workflow, request: parseLifecycleRequest(value) };
    case 'trainModel':
      return { workflow, request: parseTrainRequest(value) };
    case 'tuneModel':
      return { workflow, request: parseTuneRequest(value) };
    case 'runPipeline':
      return { workflow, request: parsePipelineRequest(value) };
  }
}

/** The workflow id that fits a request. */
export function idOfStart({ workflow, request }: StartRequest): string {
  switch (workflow) {
    case 'runLifecycle':
      return lifecycleId(request);
    case 'trainModel':
      return trainingId(request);
    case 'tuneModel':
      return tuningId(request);
    case 'runPipeline':
      return pipelineId(request);
  }
}

/** Starts the run, once. @throws as `startOnce` does */
export function startWork(client: Client, start: StartRequest): Promise<RunStart> {
  const { workflow, request } = start;
  const { model, version } = request;
  const workflowId = idOfStart(start);
  return startOnce(client, { workflow, workflowId, request, summary: `${model} ${version}` });
}

/**
 * Asks each backend of each step for its price and starts nothing. A backend that tells no price
 * leaves a gap in the table.
 *
 * @throws OrreryError ENGINE_UNREACHABLE
 */
export async function planStart(client: Client, start: StartRequest): Promise<StartPlan> {
  const quotes = new Map<string, Promise<PriceQuote | null>>();
  const quote = (backend: string, otherwise: string, resources: Resources) => {
    const key = JSON.stringify([backend, otherwise, resources]);
    const asked = quotes.get(key) ?? quoteOf(client, backend, otherwise, resources);
    quotes.set(key, asked);
    return asked;
  };
  const steps = await Promise.all(
    plannedSteps(start).map(async (step) => {
      const { backends, pricesFrom, resources } = step;
      const prices = backends.map((backend) =>
        resources === null ? Promise.resolve(null) : quote(backend, pricesFrom, resources),
      );
      return pricedStep(step, await Promise.all(prices));
    }),
  );
  const costUsdMax = start.workflow === 'runLifecycle' ? start.request.costUsdMax : null;
  return { workflowId: idOfStart(start), steps, usdMax: sumOf(steps), costUsdMax };
}

function sumOf(steps: readonly PricedStep[]): number | null {
  let sum = 0;
  for (const { usdMax } of steps) {
    if (usdMax === null) return null;
    sum += usdMax;
  }
  return sum;
}

/** By the backend's own price book; where it has none, by that of the other. */
async function quoteOf(
  client: Client,
  backend: string,
  otherwise: string,
  resources: Resources,
): Promise<PriceQuote | null> {
  try {
    return await giveOrder(client, { kind: 'quotePrice', backend, resources });
  } catch (error) {
    if (!(error instanceof OrreryError) || error.code === 'ENGINE_UNREACHABLE') throw error;
    const elsewhere = error.code === 'PORT_MISSING' && backend !== otherwise;
    return elsewhere ? quoteOf(client, otherwise, otherwise, resources) : null;
  }
}
