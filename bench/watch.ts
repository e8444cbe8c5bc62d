import { setTimeout as sleep } from 'node:timers/promises';
import { OrreryError } from '../core/errors.ts';
import { heartbeatsOf } from '../core/training/watching.ts';
import type { History } from './action-counter.ts';
import { onRecoveryStage } from './recovery-stage.ts';
import type { RecoveryStage } from './recovery-stage.ts';
import { atMost, percentile, row } from './table.ts';
import type { Bench, BenchRow } from './table.ts';

const DAY_SECONDS = 24 * 3600;
const OBSERVED_SECONDS = 60;
const LOOK_MS = 50;
const WAIT_MS_MAX = 60_000;
/** Short, so that a minute has many heartbeats of which the interval can be measured. */
const SHORT_TIMEOUT_SECONDS = 5;
/** What docs/jobs.md names for work of a day. */
const DAY_TIMEOUT_SECONDS = 1000;
const KILLS = 5;
const ACTIONS_MAX = 120;
const EVENTS_MAX = 3;
const NOTICED_SECONDS_MAX = 10;

/** Milliseconds at which the server took heartbeats of the training's watcher, in a minute. */
async function heartbeatsSeen({ training }: RecoveryStage): Promise<number[]> {
  const seen = new Set<number>();
  const until = Date.now() + OBSERVED_SECONDS * 1000;
  while (Date.now() < until) {
    const { raw } = await training.describe();
    const watching = raw.pendingActivities?.find(
      ({ activityType }) => activityType?.name === 'superviseJob',
    );
    const at = watching?.lastHeartbeatTime;
    if (at) seen.add(Number(at.seconds ?? 0) * 1000 + (at.nanos ?? 0) / 1e6);
    await sleep(LOOK_MS);
  }
  return [...seen].sort((a, b) => a - b);
}

/** Waits for a trainer that is watched and has another process than the one that was killed. */
async function runningTrainer({ agent, training }: RecoveryStage, not: number): Promise<number> {
  const giveUpAt = Date.now() + WAIT_MS_MAX;
  for (;;) {
    const { jobs } = await agent.list();
    const job = jobs.find(({ kind, phase }) => kind === 'train' && phase === 'running');
    const { raw } = await training.describe();
    const watched = raw.pendingActivities?.some(
      ({ activityType, lastHeartbeatTime }) =>
        activityType?.name === 'superviseJob' && lastHeartbeatTime,
    );
    if (watched && job?.pid && job.pid !== not) return job.pid;
    if (Date.now() > giveUpAt)
      throw new OrreryError('INTERNAL', 'Cannot measure the watch: no trainer is watched');
    await sleep(LOOK_MS);
  }
}

/** Kills the trainer and returns when. */
async function killTrainer(stage: RecoveryStage, before: number): Promise<[number, number]> {
  const pid = await runningTrainer(stage, before);
  process.kill(pid, 'SIGKILL');
  return [Date.now(), pid];
}

type HistoryEvent = NonNullable<History['events']>[number];

/** The watches in a history: their events, and when each completed, milliseconds. */
function watchesOf(history: History): { events: number; completedAt: number | null }[] {
  const events = history.events ?? [];
  const scheduled = events.filter(
    (event) => event.activityTaskScheduledEventAttributes?.activityType?.name === 'superviseJob',
  );
  return scheduled.map(({ eventId }) => {
    const of = (event: HistoryEvent) =>
      [
        event.activityTaskStartedEventAttributes,
        event.activityTaskCompletedEventAttributes,
        event.activityTaskFailedEventAttributes,
        event.activityTaskTimedOutEventAttributes,
      ].some((attributes) => String(attributes?.scheduledEventId) === String(eventId));
    const own = events.filter(of);
    const completed = own.find((event) => event.activityTaskCompletedEventAttributes);
    const at = completed?.eventTime;
    const completedAt = at ? Number(at.seconds ?? 0) * 1000 + (at.nanos ?? 0) / 1e6 : null;
    return { events: 1 + own.length, completedAt };
  });
}

/** Share of its timeout after which a heartbeat was really flushed, and how many a minute had. */
async function measureFlush(): Promise<{ share: number; perMinute: number }> {
  const seen = await onRecoveryStage(
    async (stage) => {
      await runningTrainer(stage, 0);
      return heartbeatsSeen(stage);
    },
    { heartbeatTimeoutSeconds: SHORT_TIMEOUT_SECONDS },
  );
  const gaps = seen.slice(1).map((at, index) => at - (seen[index] ?? at));
  const share = percentile(gaps, 0.5) / 1000 / SHORT_TIMEOUT_SECONDS;
  return { share, perMinute: seen.length };
}

/** A watch with the setting for a day: heartbeats of a minute, then a job that dies, again and again. */
async function measureDay() {
  return onRecoveryStage(
    async (stage) => {
      await runningTrainer(stage, 0);
      const seen = await heartbeatsSeen(stage);
      const kills: number[] = [];
      let pid = 0;
      for (let count = 0; count < KILLS; count += 1) {
        const [killedAt, killed] = await killTrainer(stage, pid);
        kills.push(killedAt);
        pid = killed;
      }
      await runningTrainer(stage, pid);
      const watches = watchesOf(await stage.training.fetchHistory());
      const ended = watches.filter(({ completedAt }) => completedAt !== null).slice(-KILLS);
      return {
        perMinute: seen.length,
        events: Math.max(...ended.map(({ events }) => events)),
        noticedSeconds: ended.map(({ completedAt }, at) =>
          Math.max(0, ((completedAt ?? 0) - (kills[at] ?? 0)) / 1000),
        ),
      };
    },
    { heartbeatTimeoutSeconds: DAY_TIMEOUT_SECONDS },
  );
}

export const bench: Bench = {
  summary: `One training of the local backend, watched on a Temporal dev server with real worker processes. Heartbeats are counted as the server takes them, for ${OBSERVED_SECONDS} s; the Actions of a day follow from the interval that was measured at a timeout of ${SHORT_TIMEOUT_SECONDS} s and the one Action of the activity. The trainer is killed ${KILLS} times; noticed is when the server has the end of the watch.`,
  async run(): Promise<readonly BenchRow[]> {
    const flush = await measureFlush();
    const day = await measureDay();
    const interval = flush.share * DAY_TIMEOUT_SECONDS;
    const beats = 1 + Math.floor(DAY_SECONDS / interval);
    const name = `timeout ${DAY_TIMEOUT_SECONDS} s`;
    return [
      row(`timeout ${SHORT_TIMEOUT_SECONDS} s: heartbeats a minute`, flush.perMinute, 'heartbeats'),
      row('interval of heartbeats, share of the timeout', flush.share, ''),
      row(`${name}: heartbeats a minute`, day.perMinute, 'heartbeats'),
      row(`${name}: Actions of a day of watching`, 1 + beats, 'Actions', {
        goal: atMost(ACTIONS_MAX),
      }),
      row(
        `${name}: the same by the rule`,
        1 + heartbeatsOf(DAY_SECONDS, DAY_TIMEOUT_SECONDS),
        'Actions',
      ),
      row(`${name}: history events of a watch`, day.events, 'events', { goal: atMost(EVENTS_MAX) }),
      row(`${name}: a killed job is noticed, p50`, percentile(day.noticedSeconds, 0.5), 's'),
      row(`${name}: a killed job is noticed, longest`, Math.max(...day.noticedSeconds), 's', {
        goal: atMost(NOTICED_SECONDS_MAX),
      }),
    ];
  },
};
