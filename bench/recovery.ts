import { setTimeout as sleep } from 'node:timers/promises';
import { OrreryError } from '../core/errors.ts';
import { JOB_POLICY_DEFAULT } from '../core/training/attempts.ts';
import { onRecoveryStage } from './recovery-stage.ts';
import type { RecoveryStage } from './recovery-stage.ts';
import { atMost, percentile, row } from './table.ts';
import type { Bench, BenchRow, Peer } from './table.ts';

const KILLS = 6;
const GOAL = atMost(5);
const WAIT_MS_MAX = 60_000;
const LOOK_MS = 20;
/** A heartbeat is flushed after 0.8 of its timeout: kills are spread evenly over that interval. */
const FLUSH_MS = 0.8 * JOB_POLICY_DEFAULT.heartbeatTimeoutSeconds * 1000;

/** What the peers wait before they know, by default; none publishes the whole recovery. */
const AIRFLOW_PEER: Peer = { value: 300, source: 'Airflow task heartbeat timeout, detection only' };
const SKYPILOT_PEER: Peer = { value: 15, source: 'SkyPilot job status gap, detection only' };

interface Trainer {
  readonly key: string;
  readonly pid: number;
}

/** The trainer that runs now; null between two attempts. */
async function runningTrainer({ agent }: RecoveryStage): Promise<Trainer | null> {
  const { jobs } = await agent.list();
  const job = jobs.find(({ kind, phase }) => kind === 'train' && phase === 'running');
  return job === undefined || job.pid === null ? null : { key: job.key, pid: job.pid };
}

/** When the worker of this process last heartbeat for the trainer, as the server knows it. */
async function heartbeatAt({ training }: RecoveryStage, pid: number): Promise<number | null> {
  const { raw } = await training.describe();
  const watching = raw.pendingActivities?.find(
    ({ activityType }) => activityType?.name === 'superviseJob',
  );
  const at = watching?.lastHeartbeatTime;
  if (!at || !watching.lastWorkerIdentity?.startsWith(`${pid}@`)) return null;
  return Number(at.seconds ?? 0) * 1000 + (at.nanos ?? 0) / 1e6;
}

async function until<T>(wanted: string, ask: () => Promise<T | null>): Promise<T> {
  const giveUpAt = Date.now() + WAIT_MS_MAX;
  for (;;) {
    const answer = await ask();
    if (answer !== null) return answer;
    if (Date.now() > giveUpAt) {
      throw new OrreryError(
        'INTERNAL',
        `Cannot measure the recovery: it is not true within ${WAIT_MS_MAX / 1000} s that ${wanted}`,
      );
    }
    await sleep(LOOK_MS);
  }
}

interface WatcherKill {
  readonly seconds: number;
  readonly sameProcess: boolean;
}

/** Kills the watching worker at a moment between two heartbeats. */
async function killWatcher(stage: RecoveryStage, moment: number): Promise<WatcherKill> {
  const before = await until('a trainer runs', () => runningTrainer(stage));
  const last = await until('its watcher heartbeats', () => heartbeatAt(stage, stage.watcherPid()));
  await until('its watcher heartbeats again', async () => {
    const at = await heartbeatAt(stage, stage.watcherPid());
    return at !== null && at > last ? at : null;
  });
  await sleep(moment * FLUSH_MS);
  const killedAt = Date.now();
  await stage.replaceWatcher();
  // A new attempt shows the new worker with the last heartbeat of the old one until its first.
  const backAt = await until('a new watcher heartbeats', async () => {
    const at = await heartbeatAt(stage, stage.watcherPid());
    return at !== null && at > killedAt ? at : null;
  });
  const after = await runningTrainer(stage);
  return {
    seconds: (backAt - killedAt) / 1000,
    sameProcess: after?.key === before.key && after.pid === before.pid,
  };
}

interface TrainerKill {
  readonly seconds: number;
  /** Steps that had been told and were done again. */
  readonly stepsLost: number;
}

async function killTrainer(stage: RecoveryStage): Promise<TrainerKill> {
  const { agent } = stage;
  const { key, pid } = await until('a trainer runs', () => runningTrainer(stage));
  const told = await until('it tells a step of its own', async () => {
    const { progress } = await agent.readJob(key);
    return progress !== null && progress.step > resumedFrom(progress.message) ? progress : null;
  });
  const killedAt = Date.now();
  process.kill(pid, 'SIGKILL');
  const from = await until('the next attempt has resumed', async () => {
    const next = await runningTrainer(stage);
    if (next === null || next.key === key) return null;
    const { progress } = await agent.readJob(next.key);
    return progress === null ? null : resumedFrom(progress.message);
  });
  return {
    seconds: (Date.now() - killedAt) / 1000,
    stepsLost: Math.max(0, told.step - from),
  };
}

/** The trainer's own words: see recovery-job.sh. */
function resumedFrom(message: string): number {
  return Number(/^resumed from (\d+)$/.exec(message)?.[1] ?? 0);
}

function rowsOf(watchers: readonly WatcherKill[], trainers: readonly TrainerKill[]): BenchRow[] {
  const supervision = watchers.map(({ seconds }) => seconds);
  const training = trainers.map(({ seconds }) => seconds);
  const moved = watchers.filter(({ sameProcess }) => !sameProcess).length;
  const lost = trainers.reduce((sum, { stepsLost }) => sum + stepsLost, 0);
  return [
    row('worker killed: supervision is back, p50', percentile(supervision, 0.5), 's', {
      goal: GOAL,
      peer: AIRFLOW_PEER,
    }),
    row('worker killed: supervision is back, longest', Math.max(...supervision), 's', {
      goal: GOAL,
    }),
    row('worker killed: jobs that got another process', moved, 'jobs', { goal: atMost(0) }),
    row('trainer killed: next attempt has resumed, p50', percentile(training, 0.5), 's', {
      goal: GOAL,
      peer: SKYPILOT_PEER,
    }),
    row('trainer killed: next attempt has resumed, longest', Math.max(...training), 's', {
      goal: GOAL,
    }),
    row('trainer killed: told steps that were done again', lost, 'steps', { goal: atMost(0) }),
  ];
}

export const bench: Bench = {
  summary: `Recovery of a real training on the local backend: ${KILLS} × kill -9 of the worker that watches it, spread over the time between two heartbeats, and ${KILLS} × kill -9 of the training process, which saves every step. Heartbeat timeout ${JOB_POLICY_DEFAULT.heartbeatTimeoutSeconds} s; a killed worker is started again at once.`,
  async run() {
    return onRecoveryStage(async (stage) => {
      const watchers: WatcherKill[] = [];
      const trainers: TrainerKill[] = [];
      for (let kill = 0; kill < KILLS; kill += 1) {
        watchers.push(await killWatcher(stage, (kill + 0.5) / KILLS));
        trainers.push(await killTrainer(stage));
      }
      return rowsOf(watchers, trainers);
    });
  },
};
