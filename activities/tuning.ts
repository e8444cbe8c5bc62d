import { Context } from '@temporalio/activity';
import { compactSearch } from '../core/pipeline/compact.ts';
import type { ArtifactRef } from '../core/ports/artifacts.ts';
import type { JobHandle } from '../core/ports/compute.ts';
import type {
  TuningHandle,
  TuningIntent,
  TuningObjective,
  TuningReading,
  TuningStart,
} from '../core/ports/tuning.ts';
import type { JobPolicy, JobWatch } from '../core/training/attempts.ts';
import { addToCurve } from '../core/tuning/median.ts';
import type { Curve } from '../core/tuning/median.ts';
import { METRICS_BYTES_MAX, parseMetrics } from '../core/tuning/metrics.ts';
import { OrreryError } from '../core/errors.ts';
import { watchJob } from './compute.ts';
import type { Deps } from './deps.ts';
import { clockOf, portOf } from './deps.ts';
import { withFirstAnswer } from './failures.ts';
import { stopUnread } from './unread-work.ts';
import { watchToEnd } from './watching.ts';

/** A trial of a search of our own, as its watcher left it. */
export interface TrialWatch extends JobWatch {
  /** What it has told of the objective so far. */
  readonly curve: Curve;
}

export interface TrialWatchInput {
  readonly backend: string;
  readonly handle: JobHandle;
  readonly policy: JobPolicy;
  readonly objective: TuningObjective;
  /** What earlier watches of the same job have seen. */
  readonly curve: Curve;
  /** Share of the steps, 0–1, at which the watch returns so that it can be decided; null for none. */
  readonly decideAtShare: number | null;
}

export function createTuningActivities(deps: Deps) {
  return {
    /** Creates the search under its key or adopts it; see core/ports/tuning.ts. */
    async startSearch(input: { backend: string; intent: TuningIntent }): Promise<TuningStart> {
      return withFirstAnswer(async () =>
        (await portOf(deps, input.backend, 'tuning')).start(input.intent),
      );
    },
    /** Stops the search and its trials; see `stopRun` for a search without a handle. */
    async stopSearch(input: {
      backend: string;
      intent: TuningIntent;
      handle: TuningHandle | null;
    }): Promise<TuningReading> {
      const port = await portOf(deps, input.backend, 'tuning');
      const stop = (handle: TuningHandle) => port.stop(handle);
      return compactSearch(
        input.handle === null
          ? await stopUnread(deps, {
              backend: input.backend,
              port: 'tuning',
              key: input.intent.key,
              start: () => port.start(input.intent),
              stop,
              none: noSearch,
            })
          : await stop(input.handle),
      );
    },
    /**
     * The numbers that a trial left in its `metrics.json`.
     *
     * @throws ARTIFACT_MISSING; TUNING_FAILED when it is too long or not an object of numbers
     */
    async readMetrics(input: {
      backend: string;
      ref: ArtifactRef;
    }): Promise<Readonly<Record<string, number>>> {
      if (input.ref.bytes > METRICS_BYTES_MAX) {
        const told = `it has ${input.ref.bytes} bytes, at most ${METRICS_BYTES_MAX} are read`;
        throw new OrreryError('TUNING_FAILED', `Cannot read ${input.ref.uri}: ${told}`);
      }
      const bytes = await (await portOf(deps, input.backend, 'artifacts')).read(input.ref);
      return parseMetrics(new TextDecoder().decode(bytes));
    },
  };
}

export function createWatchSearchActivities(deps: Deps) {
  return {
    /** Watches a search until it is over, heartbeating its trials. */
    async superviseSearch(input: {
      backend: string;
      handle: TuningHandle;
    }): Promise<TuningReading> {
      const port = await portOf(deps, input.backend, 'tuning');
      const reading = await watchToEnd(
        (wait) => port.read(input.handle, wait),
        ({ phase, trials }) => ({ phase, trials: trials.length }),
      );
      return compactSearch(reading);
    },
    /**
     * Watches a trial like `superviseJob`, with the values that it tells of the objective, and comes
     * back before its end when it is to be decided whether it goes on.
     */
    async superviseTrial(input: TrialWatchInput): Promise<TrialWatch> {
      const compute = await portOf(deps, input.backend, 'compute');
      const clock = await clockOf(deps, input.backend);
      const { objective, decideAtShare } = input;
      const { heartbeatDetails } = Context.current().info;
      const beaten = (heartbeatDetails as { curve?: Curve } | undefined)?.curve;
      let curve = beaten ?? input.curve;
      const watched = await watchJob(compute, clock, input.handle, input.policy, ({ progress }) => {
        const value = progress?.metrics?.[objective.metric];
        if (progress !== null && value !== undefined)
          curve = addToCurve(curve, progress.step, value, objective);
        const share = progress === null ? 0 : progress.step / progress.steps;
        return {
          beat: { progress, curve },
          enough: decideAtShare !== null && curve.length > 0 && share >= decideAtShare,
        };
      });
      return { ...watched, curve };
    },
  };
}

function noSearch(reason: string): TuningReading {
  return {
    phase: 'lost',
    revision: 0,
    trials: [],
    best: null,
    billableSeconds: 0,
    reason,
    logUri: '',
  };
}
