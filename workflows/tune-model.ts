import { workflowInfo } from '@temporalio/workflow';
import { kept } from '../core/pipeline/compact.ts';
import { bestTrial } from '../core/tuning/best.ts';
import type { TuneRequest, TuneResult } from '../core/tuning/request.ts';
import { failure, isCancellation, rootOf } from './failures.ts';
import { farSearch } from './far-search.ts';
import { control } from './options.ts';
import { OwnSearch } from './own-search.ts';
import { ensureIdentity } from './search-attributes.ts';
import { TuningRun } from './tuning-run.ts';

/**
 * Searches for good parameters, by the far side's own search or by ours over jobs. However this
 * ends, no search and no trial of it runs on.
 */
export async function tuneModel(input: TuneRequest): Promise<TuneResult> {
  const run = new TuningRun(input);
  try {
    const request = (await control.admit({
      workflow: 'tuneModel',
      workflowId: workflowInfo().workflowId,
      request: input,
    })) as TuneRequest;
    ensureIdentity(request);
    run.admitted(request);
    const result = await (request.engine === 'backend' ? byBackend : byOrrery)(run, request);
    const { costUsd, reason } = result;
    run.enter('done', { outcome: 'succeeded', reason, costUsd });
    return { ...result, trials: kept(result.trials) };
  } catch (error) {
    const { code, message } = rootOf(error);
    const cancelled = isCancellation(error);
    run.show({ outcome: cancelled ? 'cancelled' : 'failed', reason: message });
    throw cancelled ? error : failure(code, message);
  }
}

async function byBackend(run: TuningRun, request: TuneRequest): Promise<TuneResult> {
  const { walked, price, trials } = await farSearch(run, request);
  const { best, billableSeconds, reason } = walked.end;
  if (best === null) throw failure('TUNING_FAILED', 'Cannot tune: no trial told the objective');
  return {
    engine: 'backend',
    best: { ...best, billableSeconds: 0 },
    outputs: {},
    trials,
    setbacks: walked.setbacks,
    billableSeconds,
    costUsd: (billableSeconds / 3600) * price.usdPerHour,
    price,
    reason,
  };
}

async function byOrrery(run: TuningRun, request: TuneRequest): Promise<TuneResult> {
  const { trials, reason } = await new OwnSearch(request, (told) => run.tell(told)).run();
  const summaries = trials.map(({ summary }) => summary);
  const best = bestTrial(summaries, request.search.objective);
  if (best === null) {
    const told = summaries.at(-1)?.reason ?? '';
    throw failure('TUNING_FAILED', `Cannot tune: no trial has a value; ${reason}; ${told}`);
  }
  const uses = trials.flatMap((trial) => [...trial.uses.values()]);
  return {
    engine: 'orrery',
    best,
    outputs: trials.find(({ summary }) => summary.name === best.name)?.outputs ?? {},
    trials: summaries,
    setbacks: [],
    billableSeconds: uses.reduce((sum, use) => sum + use.billableSeconds, 0),
    costUsd: uses.reduce(
      (sum, use) => sum + (use.billableSeconds / 3600) * use.price.usdPerHour,
      0,
    ),
    price: uses.at(-1)?.price ?? null,
    reason,
  };
}
