/**
 * Backfills. Airflow knows no key for one, so ours lies in the conf of its runs, beside a digest of
 * what was asked for. Only one backfill of a DAG may be open, which Airflow itself holds to, so a
 * second one by a lost reply cannot come to be: the search finds the first, open or done.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { digestOf } from '../../core/canonical.ts';
import { OrreryError } from '../../core/errors.ts';
import { LABELS, specLabel } from '../../core/labels.ts';
import type { Backfill, BackfillReading, BackfillSpec } from '../../core/ports/backfill.ts';
import type { JobPhase } from '../../core/ports/compute.ts';
import { isTerminal, STOP_WAIT_MS_MAX } from '../connections/polling.ts';
import type { AirflowClient, Call } from './client.ts';
import { checked } from './client.ts';
import { isObject, refusal } from './errors.ts';
import { OURS, withDeed } from './marks.ts';
import {
  backfillSchema,
  backfillsSchema,
  plannedRunsSchema,
  type BackfillReply,
  type DagRun,
} from './replies.ts';
import { isOver, phaseOf } from './run-reading.ts';
import { listRuns, patchRun } from './runs.ts';
import type { AirflowSettings } from './settings.ts';

const KEY = 'orrery-backfill';
const PAGE = 100;
const BACKFILLS_MAX = 1000;
const RUNS_MAX = 10_000;

export function createBackfill(settings: AirflowSettings, client: AirflowClient): Backfill {
  return {
    plan: async (spec) => {
      const call = postCall(spec, '/backfills/dry_run', `plan a backfill of "${spec.pipeline}"`);
      const { backfills } = await client.ask(call, plannedRunsSchema);
      return backfills.flatMap(({ logical_date: at }) => (at === null ? [] : [isoOf(at)]));
    },
    start: (spec) => start(client, spec),
    read: async (pipeline, key) => {
      const found = await find(client, pipeline, key);
      return found === null ? null : readingOf(client, found, key);
    },
    stop: (pipeline, key) => stop(client, pipeline, key, settings.pollSeconds * 1000),
  };
}

const isoOf = (time: string): string => new Date(time).toISOString();
const specOf = (spec: BackfillSpec): string => specLabel(digestOf(spec));

function postCall(spec: BackfillSpec, path: string, action: string): Call {
  const { pipeline, from, to, params, reprocess, parallelMax, key } = spec;
  const marks = { [LABELS.managed]: 'true', [KEY]: key, [LABELS.spec]: specOf(spec) };
  return {
    action,
    method: 'POST',
    path,
    body: {
      dag_id: pipeline,
      from_date: from,
      to_date: to,
      dag_run_conf: { ...params, [OURS]: marks },
      reprocess_behavior: reprocess,
      max_active_runs: parallelMax,
    },
  };
}

/** What a conf says of the backfill that made it; null for a stranger's. */
function marksOf(conf: BackfillReply['dag_run_conf']): { key: string; spec: string } | null {
  const ours = conf?.[OURS];
  if (!isObject(ours) || typeof ours[KEY] !== 'string') return null;
  return { key: ours[KEY], spec: String(ours[LABELS.spec] ?? '') };
}

async function list(client: AirflowClient, pipeline: string): Promise<readonly BackfillReply[]> {
  const found: BackfillReply[] = [];
  while (found.length < BACKFILLS_MAX) {
    const { backfills } = await client.ask(
      {
        action: `list the backfills of "${pipeline}"`,
        method: 'GET',
        path: '/backfills',
        query: { dag_id: pipeline, order_by: '-id', limit: PAGE, offset: found.length },
      },
      backfillsSchema,
    );
    found.push(...backfills);
    if (backfills.length < PAGE) break;
  }
  return found;
}

async function find(
  client: AirflowClient,
  pipeline: string,
  key: string,
): Promise<BackfillReply | null> {
  const all = await list(client, pipeline);
  return all.find(({ dag_run_conf: conf }) => marksOf(conf)?.key === key) ?? null;
}

async function start(client: AirflowClient, spec: BackfillSpec): Promise<BackfillReading> {
  const { pipeline, key } = spec;
  const present = await find(client, pipeline, key);
  if (present !== null) return adopt(client, present, spec);
  const call = postCall(spec, '/backfills', `start a backfill of "${pipeline}"`);
  const reply = await client.send(call);
  if (reply.status < 300) return readingOf(client, checked(call, reply, backfillSchema), key);
  if (reply.status !== 409) throw refusal(call.action, reply);
  const all = await list(client, pipeline);
  const ours = all.find(({ dag_run_conf: conf }) => marksOf(conf)?.key === key);
  if (ours !== undefined) return adopt(client, ours, spec);
  const open = all.find(({ completed_at: at }) => at === null);
  if (open === undefined || (await isDone(client, open))) {
    throw refusal(`${call.action} yet, the last one is being closed`, reply, 'BACKEND_UNAVAILABLE');
  }
  throw refusal(`${call.action} beside backfill ${open.id}`, reply, 'NAME_TAKEN');
}

async function adopt(
  client: AirflowClient,
  present: BackfillReply,
  spec: BackfillSpec,
): Promise<BackfillReading> {
  const { key, pipeline } = spec;
  const there = marksOf(present.dag_run_conf)?.spec;
  if (there === specOf(spec)) return readingOf(client, present, key);
  throw new OrreryError(
    'NAME_TAKEN',
    `Cannot start a backfill of "${pipeline}" as ${key}: backfill ${present.id} has this key and the spec ${there}, wanted ${specOf(spec)}`,
  );
}

/** Runs that the backfill made, or took over from what was there. */
async function runsOf(client: AirflowClient, backfill: BackfillReply): Promise<readonly DagRun[]> {
  const marks = marksOf(backfill.dag_run_conf);
  const query = {
    run_type: 'backfill',
    logical_date_gte: backfill.from_date,
    logical_date_lte: backfill.to_date,
    order_by: 'logical_date',
  };
  const runs = await listRuns(client, query, RUNS_MAX, backfill.dag_id);
  return runs.filter(({ conf }) => marks === null || marksOf(conf)?.key === marks.key);
}

async function isDone(client: AirflowClient, backfill: BackfillReply): Promise<boolean> {
  const runs = await runsOf(client, backfill);
  return runs.length > 0 && runs.every(isOver);
}

async function readingOf(
  client: AirflowClient,
  backfill: BackfillReply,
  key: string,
): Promise<BackfillReading> {
  const runs = (await runsOf(client, backfill)).map((run) => ({
    at: isoOf(run.logical_date ?? run.run_after),
    phase: phaseOf(run, []),
  }));
  const phase = phaseOfAll(
    backfill,
    runs.map((run) => run.phase),
  );
  const done = runs.filter((run) => isTerminal(run.phase)).length;
  const reason = `${done} of ${runs.length} runs have ended${backfill.is_paused ? '; the backfill is paused' : ''}`;
  return { key, remoteId: String(backfill.id), phase, runs, reason };
}

/**
 * Airflow creates all runs at once and closes a backfill up to half a minute after the last of them;
 * one that was cancelled is paused and closed.
 */
function phaseOfAll(backfill: BackfillReply, phases: readonly JobPhase[]): JobPhase {
  const closed = backfill.completed_at !== null;
  if (phases.some((phase) => !isTerminal(phase)) || (phases.length === 0 && !closed)) {
    return phases.every((phase) => phase === 'pending') ? 'pending' : 'running';
  }
  if (closed && backfill.is_paused) return 'cancelled';
  return phases.every((phase) => phase === 'succeeded') ? 'succeeded' : 'failed';
}

async function stop(
  client: AirflowClient,
  pipeline: string,
  key: string,
  pollMs: number,
): Promise<BackfillReading | null> {
  const found = await find(client, pipeline, key);
  if (found === null) return null;
  const before = await readingOf(client, found, key);
  if (isTerminal(before.phase)) return before;
  const action = `cancel the backfill ${found.id} of "${pipeline}"`;
  const reply = await client.send({
    action,
    method: 'PUT',
    path: '/backfills/{backfill_id}/cancel',
    at: { backfill_id: found.id },
  });
  // 409: it was closed a moment ago.
  if (reply.status >= 300 && reply.status !== 409) throw refusal(action, reply);
  const giveUpAt = Date.now() + STOP_WAIT_MS_MAX;
  for (;;) {
    // Cancelling fails what waits and lets what runs go on.
    const live = (await runsOf(client, found)).filter((run) => !isOver(run));
    for (const { dag_id: dag, dag_run_id: run, note } of live) {
      await patchRun(client, { dag, run }, { state: 'failed', note: withDeed(note, 'cancelled') });
    }
    if (live.length === 0) break;
    if (Date.now() >= giveUpAt) {
      throw new OrreryError(
        'BACKEND_UNAVAILABLE',
        `Cannot tell the end of backfill ${found.id} of "${pipeline}": ${live.length} runs are still live`,
      );
    }
    await sleep(pollMs);
  }
  const after = await find(client, pipeline, key);
  return after === null ? null : readingOf(client, after, key);
}
