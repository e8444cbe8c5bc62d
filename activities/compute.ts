import { Context } from '@temporalio/activity';
import type { Compute, JobHandle, JobIntent, JobReading, JobStart } from '../core/ports/compute.ts';
import type { PriceQuote } from '../core/ports/prices.ts';
import type { JobPolicy, JobWatch } from '../core/training/attempts.ts';
import type { Clock } from '../core/backend.ts';
import type { Deps } from './deps.ts';
import { clockOf, portOf } from './deps.ts';
import { withFirstAnswer } from './failures.ts';
import { WAIT_MS_MAX, withPulse } from './watching.ts';

export function createComputeActivities(deps: Deps) {
  return {
    /** Creates the job under its key or adopts it; see core/ports/compute.ts. */
    async startJob({ backend, intent }: { backend: string; intent: JobIntent }): Promise<JobStart> {
      return withFirstAnswer(async () => (await portOf(deps, backend, 'compute')).start(intent));
    },
    /** Stops the job and returns its terminal reading, read from the far side. */
    async stopJob({
      backend,
      handle,
    }: {
      backend: string;
      handle: JobHandle;
    }): Promise<JobReading> {
      return (await portOf(deps, backend, 'compute')).stop(handle);
    },
    /** By the backend's own price book, or by that of `otherwise` where it has none. */
    async quotePrice(input: {
      backend: string;
      otherwise?: string;
      resources: { cpus: number; memoryMiB: number };
    }): Promise<PriceQuote> {
      const { backend, otherwise = backend, resources } = input;
      const own = (await deps.backends.open(backend)).ports.prices;
      return (own ?? (await portOf(deps, otherwise, 'prices'))).quote(resources);
    },
  };
}

export function createWatchJobActivities(deps: Deps) {
  return {
    /**
     * Watches a job until it is over or stalled, heartbeating its progress. A worker that goes away
     * leaves the job alone; the next attempt of this activity goes on watching.
     */
    async superviseJob(input: {
      backend: string;
      handle: JobHandle;
      policy: JobPolicy;
    }): Promise<JobWatch> {
      const compute = await portOf(deps, input.backend, 'compute');
      const clock = await clockOf(deps, input.backend);
      return watchJob(compute, clock, input.handle, input.policy);
    },
  };
}

/** What somebody wants to know of each reading. */
type OnReading = (reading: JobReading) => {
  /** What the heartbeat carries. */
  readonly beat: unknown;
  /** Whether the watch ends here, though the job goes on. */
  readonly enough: boolean;
};
const PLAINLY: OnReading = ({ progress, phase }) => ({
  beat: { progress, phase },
  enough: false,
});

/** Reads a job until it is over or stalled, or until there has been enough to see. */
export async function watchJob(
  compute: Compute,
  clock: Clock,
  handle: JobHandle,
  policy: JobPolicy,
  onReading: OnReading = PLAINLY,
): Promise<JobWatch> {
  const context = Context.current();
  return withPulse(async (tell) => {
    let since = -1;
    let changedAt = clock.now();
    for (;;) {
      const reading = await compute.read(handle, { since, waitMs: WAIT_MS_MAX });
      if (reading.revision > since) changedAt = clock.now();
      since = reading.revision;
      const { beat, enough } = onReading(reading);
      tell(beat);
      if (enough || (reading.phase !== 'pending' && reading.phase !== 'running'))
        return { reading, stalled: false };
      const silentSeconds = (clock.now() - changedAt) / 1000;
      if (policy.stallSeconds > 0 && silentSeconds >= policy.stallSeconds)
        return { reading, stalled: true };
      // Rejects with CancelledFailure once the workflow, or the worker's shutdown, cancels.
      if (context.cancellationSignal.aborted) await context.cancelled;
    }
  });
}
