/**
 * Runs of DAGs.
 *
 * A run enters as `pending` (Airflow: queued), is `running`, and ends as `succeeded`, `failed` or,
 * when its note has our mark, `cancelled`. Ending it is one PATCH that writes mark and state in one
 * transaction; asking again is harmless. What survives a crash of ours: all of it, since the id, the
 * digest of the spec and the mark lie in Airflow.
 */
import { OrreryError } from '../../core/errors.ts';
import { specLabel } from '../../core/labels.ts';
import type {
  Pipeline,
  PipelineHandle,
  PipelineIntent,
  PipelineReading,
  PipelineStart,
} from '../../core/ports/pipeline.ts';
import { isTerminal, stopAndRead, waitForNews } from '../connections/polling.ts';
import type { AirflowClient } from './client.ts';
import { findDag, importErrors, setPaused } from './dags.ts';
import { refusal } from './errors.ts';
import { checkRunId, confOf, deedOf, marksOf, withDeed, withoutDeed } from './marks.ts';
import { createRunReader, type RunLook, type RunReader } from './reader.ts';
import type { Dag } from './replies.ts';
import { isOver, phaseOf } from './run-reading.ts';
import {
  clearFailed,
  findRun,
  listTasks,
  patchRun,
  placeOf,
  remoteIdOf,
  type RunPlace,
} from './runs.ts';
import type { AirflowSettings } from './settings.ts';

export function createPipeline(settings: AirflowSettings, client: AirflowClient): Pipeline {
  const reader = createRunReader(settings, client);
  const pace = { pollMs: settings.pollSeconds * 1000 };
  return {
    start: (intent) => startRun(settings, client, intent),
    read: async ({ remoteId }, wait) => {
      const place = placeOf(remoteId);
      return waitForNews(async () => (await reader.look(place)).reading, wait, pace);
    },
    retry: async (handle) => retryRun(client, reader, handle),
    stop: async (handle) => stopRun(client, reader, handle, pace.pollMs),
  };
}

async function startRun(
  settings: AirflowSettings,
  client: AirflowClient,
  { key, spec, specDigest }: PipelineIntent,
): Promise<PipelineStart> {
  const place = { dag: spec.pipeline, run: checkRunId(key) };
  if (spec.version !== null) {
    throw new OrreryError(
      'OPERATION_UNSUPPORTED',
      `Cannot start version "${spec.version}" of the DAG "${place.dag}": Airflow runs the version that it parsed last, wanted null`,
    );
  }
  const conf = confOf(spec.params, { key, specDigest, ...spec });
  const refused = await whyNot(settings, client, place.dag);
  // A run that was made before the DAG was paused or broken is still ours to adopt.
  if (refused !== null) return adopt(client, place, specDigest, refused);
  const reply = await client.send({
    action: `start the DAG "${place.dag}"`,
    method: 'POST',
    path: '/dags/{dag_id}/dagRuns',
    at: { dag_id: place.dag },
    // Without a logical date, or with one that Airflow makes up, runs of one interval collide.
    body: { dag_run_id: key, logical_date: null, conf },
  });
  if (reply.status < 300) {
    return { handle: { key, remoteId: remoteIdOf(place) }, outcome: 'created' };
  }
  const error = refusal(
    `start the DAG "${place.dag}"`,
    reply,
    reply.status === 409 ? 'NAME_TAKEN' : undefined,
  );
  if (reply.status === 409) return adopt(client, place, specDigest, error);
  throw error;
}

/** Why the DAG cannot be started now, or null; unpauses it where the settings say so. */
async function whyNot(
  { pausedDags }: AirflowSettings,
  client: AirflowClient,
  dagId: string,
): Promise<OrreryError | null> {
  const dag = await findDag(client, dagId);
  if (dag === null || dag.is_stale) {
    const told = dag === null ? 'Airflow has no DAG of this id' : 'its file is gone';
    return new OrreryError('NOT_FOUND', `Cannot start the DAG "${dagId}": ${told}`);
  }
  if (dag.has_import_errors) return brokenFile(client, dag);
  if (!dag.is_paused) return null;
  if (pausedDags === 'refuse') {
    return new OrreryError(
      'SPEC_REJECTED',
      `Cannot start the DAG "${dagId}": it is paused, so its run would wait for ever; unpause it, or set pausedDags to "unpause"`,
    );
  }
  await setPaused(client, dagId, false);
  return null;
}

async function brokenFile(client: AirflowClient, dag: Dag): Promise<OrreryError> {
  const [error] = await importErrors(client, dag.relative_fileloc ?? dag.fileloc);
  return new OrreryError(
    'SPEC_REJECTED',
    `Cannot start the DAG "${dag.dag_id}": its file cannot be imported: ${error?.told ?? dag.fileloc}`,
  );
}

/** What a run under our id means for a start; `otherwise` is thrown when there is none. */
async function adopt(
  client: AirflowClient,
  place: RunPlace,
  specDigest: string,
  otherwise: OrreryError,
): Promise<PipelineStart> {
  const run = await findRun(client, place);
  if (run === null) throw otherwise;
  const marks = marksOf(run.conf);
  if (marks?.key !== place.run || marks.spec !== specLabel(specDigest)) {
    throw new OrreryError(
      'NAME_TAKEN',
      `Cannot start ${remoteIdOf(place)}: a run of this id ${marks === null ? 'is not ours' : `has the spec ${marks.spec}`}, wanted ${specLabel(specDigest)}`,
    );
  }
  const phase = phaseOf(run, isOver(run) ? await listTasks(client, place) : []);
  const dead = isTerminal(phase) && phase !== 'succeeded';
  return {
    handle: { key: place.run, remoteId: remoteIdOf(place) },
    outcome: dead ? 'dead' : 'adopted',
  };
}

async function retryRun(
  client: AirflowClient,
  reader: RunReader,
  { remoteId }: PipelineHandle,
): Promise<PipelineReading> {
  const place = placeOf(remoteId);
  const { run, reading } = await reader.look(place);
  if (run === null || reading.phase !== 'failed') return reading;
  await clearFailed(client, place, withoutDeed(run.note));
  return (await reader.look(place)).reading;
}

async function stopRun(
  client: AirflowClient,
  reader: RunReader,
  { remoteId }: PipelineHandle,
  pollMs: number,
): Promise<PipelineReading> {
  const place = placeOf(remoteId);
  const ask = async ({ run }: RunLook): Promise<void> => {
    if (run === null || isOver(run)) return;
    await patchRun(client, place, { state: 'failed', note: withDeed(run.note, 'cancelled') });
  };
  const look = async (): Promise<RunLook> => {
    const now = await reader.look(place);
    // The scheduler may write `running` over a state that it had not yet read: then we ask again.
    if (deedOf(now.run?.note ?? null) === 'cancelled') await ask(now);
    return now;
  };
  return (await stopAndRead(look, ask, { pollMs })).reading;
}
