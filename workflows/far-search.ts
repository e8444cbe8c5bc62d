import { workflowInfo } from '@temporalio/workflow';
import { backendFor } from '../core/backend.ts';
import type { ErrorCode } from '../core/errors.ts';
import type { PriceQuote } from '../core/ports/prices.ts';
import type { TuningHandle, TuningReading } from '../core/ports/tuning.ts';
import { workIntent } from '../core/training/job-key.ts';
import type { TrialSummary, TuneRequest } from '../core/tuning/request.ts';
import { walkBackends } from './fallback.ts';
import type { Attempted, Walked } from './fallback.ts';
import { briefControl, control, slowControl, watch } from './options.ts';
import { attemptRemotely } from './remote-attempt.ts';
import type { TuningRun } from './tuning-run.ts';

/** Margin over the search's own limit, so that its backend ends it before Temporal ends the watch. */
const WATCH_MARGIN_SECONDS = 300;

export interface FarSearchEnd {
  readonly walked: Walked<TuningReading>;
  readonly price: PriceQuote;
  readonly trials: readonly TrialSummary[];
}

/** A search that the far side makes by its `tuning` port, on the first of the backends that can. */
export async function farSearch(run: TuningRun, request: TuneRequest): Promise<FarSearchEnd> {
  const { backends, search, policy } = request;
  const on = request.on ?? [backendFor(backends, 'tuning')];
  const walked = await walkBackends({
    step: 'tune',
    backends: on,
    attemptsMax: policy.attemptsMax,
    attempt: (backend, ordinal) => tryOn(run, request, { backend, ordinal, only: on.length === 1 }),
    tell: (setbacks, seconds) =>
      run.show({
        setbacks,
        ...(seconds === null ? {} : { stage: 'wait', reason: `waits ${seconds} s for capacity` }),
      }),
  });
  const otherwise = backendFor(backends, 'prices');
  const price = await control.quotePrice({
    backend: walked.backend,
    ...(walked.backend === otherwise ? {} : { otherwise }),
    resources: search.trial.resources,
  });
  return { walked, price, trials: trialsOf(walked.end) };
}

async function tryOn(
  run: TuningRun,
  { model, version, search, policy }: TuneRequest,
  { backend, ordinal, only }: { backend: string; ordinal: number; only: boolean },
): Promise<Attempted<TuningReading>> {
  const { workflowId, firstExecutionRunId } = workflowInfo();
  const identity = { workflowId, firstRunId: firstExecutionRunId, step: 'tune', attempt: ordinal };
  const intent = workIntent(identity, { ...search, labels: { model, version, workflowId } });
  run.show({ stage: 'search', backend, reason: '' });
  const watcher = watch(
    policy.heartbeatTimeoutSeconds,
    search.timeoutSeconds + WATCH_MARGIN_SECONDS,
  );
  const shown = (reading: TuningReading) => {
    run.tell(trialsOf(reading));
    run.show({ reason: reading.reason, logUri: reading.logUri });
    return reading;
  };
  const result = await attemptRemotely<TuningHandle, TuningReading, TuningReading>({
    step: 'tune',
    where: `search ${intent.key} on ${backend}`,
    stopsByKey: false,
    start: async () =>
      (await (only ? control : briefControl).startSearch({ backend, intent })).handle,
    follow: async (handle) => shown(await watcher.superviseSearch({ backend, handle })),
    stop: async (handle) => shown(await slowControl.stopSearch({ backend, intent, handle })),
  });
  const reading = 'value' in result ? result.value : result.stopped;
  if (reading?.phase === 'succeeded') return endOf(reading);
  if ('refused' in result)
    return { setback: { code: result.refused.code, reason: result.refused.message } };
  const { phase, reason, logUri } = result.value;
  const code: ErrorCode = phase === 'lost' ? 'JOB_LOST' : 'TUNING_FAILED';
  const told = phase === 'cancelled' ? `somebody ended it: ${reason}` : reason;
  return { setback: { code, reason: told, logUri } };
}

function endOf(reading: TuningReading): Attempted<TuningReading> {
  if (reading.best !== null) return { end: reading };
  const { logUri } = reading;
  return { setback: { code: 'TUNING_FAILED', reason: 'no trial told the objective', logUri } };
}

/** The far side tells seconds for all trials together, so none of each. */
function trialsOf({ trials }: TuningReading): readonly TrialSummary[] {
  return trials.map((trial) => ({ ...trial, billableSeconds: 0 }));
}
