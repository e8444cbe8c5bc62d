import { compactRun } from '../core/pipeline/compact.ts';
import type {
  Pipeline,
  PipelineHandle,
  PipelineIntent,
  PipelineReading,
  PipelineStart,
} from '../core/ports/pipeline.ts';
import type { Deps } from './deps.ts';
import { portOf } from './deps.ts';
import { withFirstAnswer } from './failures.ts';
import { stopUnread } from './unread-work.ts';
import { watchToEnd } from './watching.ts';

interface OfRun {
  readonly backend: string;
  readonly handle: PipelineHandle;
}

export function createPipelineActivities(deps: Deps) {
  const pipelineOf = (backend: string): Promise<Pipeline> => portOf(deps, backend, 'pipeline');
  return {
    /** Creates the run under its key or adopts it; see core/ports/pipeline.ts. */
    async startRun(input: { backend: string; intent: PipelineIntent }): Promise<PipelineStart> {
      return withFirstAnswer(async () => (await pipelineOf(input.backend)).start(input.intent));
    },
    /**
     * Stops the run and returns its terminal reading. Without a handle nobody knows whether there is
     * a run: it is adopted by starting it again, and then stopped.
     */
    async stopRun(input: {
      backend: string;
      intent: PipelineIntent;
      handle: PipelineHandle | null;
    }): Promise<PipelineReading> {
      const port = await pipelineOf(input.backend);
      const stop = (handle: PipelineHandle) => port.stop(handle);
      return compactRun(
        input.handle === null
          ? await stopUnread(deps, {
              backend: input.backend,
              port: 'pipeline',
              key: input.intent.key,
              start: () => port.start(input.intent),
              stop,
              none: noRun,
            })
          : await stop(input.handle),
      );
    },
    /** Runs the failed tasks again. */
    async retryRun({ backend, handle }: OfRun): Promise<{ phase: PipelineReading['phase'] }> {
      const { phase } = await (await pipelineOf(backend)).retry(handle);
      return { phase };
    },
  };
}

export function createWatchRunActivities(deps: Deps) {
  return {
    /** Watches a run until it is over, heartbeating its tasks. */
    async superviseRun({ backend, handle }: OfRun): Promise<PipelineReading> {
      const port = await portOf(deps, backend, 'pipeline');
      const reading = await watchToEnd(
        (wait) => port.read(handle, wait),
        ({ phase, tasks }) => ({
          phase,
          tasks: tasks.length,
          ended: tasks.filter((task) => task.phase !== 'pending' && task.phase !== 'running')
            .length,
        }),
      );
      return compactRun(reading);
    },
  };
}

function noRun(reason: string): PipelineReading {
  return {
    phase: 'lost',
    revision: 0,
    tasks: [],
    lineage: [],
    warnings: [],
    runSeconds: 0,
    costUsd: null,
    reason,
    logUri: '',
  };
}
