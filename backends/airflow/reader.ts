import type { PipelineReading } from '../../core/ports/pipeline.ts';
import { isTerminal, revisionFor } from '../connections/polling.ts';
import type { AirflowClient } from './client.ts';
import { createDeadlines, type MissedDeadlines } from './deadlines.ts';
import { lineageOf } from './lineage.ts';
import { marksOf, withDeed } from './marks.ts';
import type { DagRun, TaskInstance } from './replies.ts';
import {
  isOver,
  phaseOf,
  reasonOf,
  revisionOf,
  runSecondsOf,
  taskOf,
  wasOverwritten,
} from './run-reading.ts';
import { findRun, listTasks, patchRun, remoteIdOf, type RunPlace } from './runs.ts';
import type { AirflowSettings } from './settings.ts';

/** A run as Airflow has it, and what it means. */
export interface RunLook extends Pick<PipelineReading, 'phase' | 'revision' | 'reason'> {
  /** null when Airflow has it no more. */
  readonly run: DagRun | null;
  readonly reading: PipelineReading;
}

export interface RunReader {
  /** Reads the run; one that is over its time limit is ended by that, and has failed. */
  look(place: RunPlace): Promise<RunLook>;
}

export function createRunReader({ endpoint }: AirflowSettings, client: AirflowClient): RunReader {
  const deadlines = createDeadlines(client);
  return {
    look: async (place) => {
      const run = await findRun(client, place);
      if (run === null) return lost(place);
      const live = await withinLimit(client, place, run);
      if (live === null) return lost(place);
      const tasks = await listTasks(client, place);
      return readingOf(client, deadlines, place, live, tasks, endpoint);
    },
  };
}

async function readingOf(
  client: AirflowClient,
  deadlines: MissedDeadlines,
  place: RunPlace,
  run: DagRun,
  tasks: readonly TaskInstance[],
  endpoint: string,
): Promise<RunLook> {
  const url = `${endpoint}/dags/${place.dag}/runs/${place.run}`;
  const phase = phaseOf(run, tasks);
  // So that Airflow's own page says what was true before we wrote over it.
  if (isTerminal(phase) && wasOverwritten(run, tasks)) {
    await patchRun(client, place, { state: 'success' });
  }
  const warnings = await deadlines(place);
  const reading: PipelineReading = {
    phase,
    revision: revisionOf(phase, tasks, warnings),
    tasks: tasks.map((task) => taskOf(task, isOver(run), url)),
    // What a run that did not succeed wrote is of no use to anybody downstream.
    lineage: phase === 'succeeded' ? await lineageOf(client, place) : [],
    warnings,
    runSeconds: runSecondsOf(run, Date.now()),
    costUsd: null,
    reason: reasonOf(run, tasks),
    logUri: url,
  };
  const { revision, reason } = reading;
  return { phase, revision, reason, run, reading };
}

/** Airflow's own limit is the DAG's and not the run's, so whoever watches the run keeps it. */
async function withinLimit(
  client: AirflowClient,
  place: RunPlace,
  run: DagRun,
): Promise<DagRun | null> {
  const limit = marksOf(run.conf)?.timeoutSeconds ?? null;
  if (limit === null || isOver(run) || runSecondsOf(run, Date.now()) <= limit) return run;
  await patchRun(client, place, { state: 'failed', note: withDeed(run.note, 'timed out') });
  return findRun(client, place);
}

function lost(place: RunPlace): RunLook {
  const reason = `Airflow has no run ${remoteIdOf(place)}`;
  const phase = 'lost';
  const revision = revisionFor(phase);
  const reading: PipelineReading = {
    phase,
    revision,
    tasks: [],
    lineage: [],
    warnings: [],
    runSeconds: 0,
    costUsd: null,
    reason,
    logUri: '',
  };
  return { phase, revision, reason, run: null, reading };
}
