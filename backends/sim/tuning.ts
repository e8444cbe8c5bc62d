import { OrreryError } from '../../core/errors.ts';
import type { JobPhase } from '../../core/ports/compute.ts';
import type {
  TrialReading,
  Tuning,
  TuningIntent,
  TuningReading,
  TuningSpec,
} from '../../core/ports/tuning.ts';
import { bestTrial } from '../../core/tuning/best.ts';
import { searchPoints, type Point } from '../../core/tuning/points.ts';
import type { VirtualClock } from './clock.ts';
import { FarWork, type WorkKind } from './far-work.ts';
import type { Journal } from './journal.ts';
import { metricsAt } from './objective.ts';
import type { FullScript } from './settings.ts';
import { searchRule, type SearchRule } from './work-script.ts';

/** Trials in waves of `parallelMax`, each as long as the script says. */
interface Life {
  readonly startedAt: number;
  readonly points: readonly Point[];
  readonly rule: SearchRule;
  readonly end: { readonly at: number; readonly by: 'succeed' | 'fail' | 'timeout' | 'stop' };
}

interface Surroundings {
  readonly script: FullScript;
  readonly clock: VirtualClock;
  readonly journal: Journal;
}

type Handle = { readonly key: string; readonly remoteId: string };

const PHASES = {
  succeed: 'succeeded',
  fail: 'failed',
  timeout: 'failed',
  stop: 'cancelled',
} as const;

/** Searches of the far side's own: grid and random by our rules, bayesian not at all. */
export class SimTuning implements Tuning {
  readonly #searches: FarWork<TuningSpec, Life, TuningReading>;

  constructor({ script, clock, journal }: Surroundings) {
    const { stopSeconds } = script;
    this.#searches = new FarWork(kindOf(script), { clock, journal, stopSeconds });
  }

  settle(): void {
    this.#searches.settle();
  }
  start(intent: TuningIntent) {
    return this.#searches.start(intent);
  }
  read(handle: Handle, wait?: { readonly since: number; readonly waitMs: number } | null) {
    return this.#searches.read(handle, wait);
  }
  stop(handle: Handle) {
    return this.#searches.stop(handle);
  }
  list(usdOf: (spec: TuningSpec, billableSeconds: number) => number) {
    return this.#searches.list((spec, { billableSeconds }) => ({
      billableSeconds,
      costUsd: usdOf(spec, billableSeconds),
    }));
  }
}

function kindOf(script: FullScript): WorkKind<TuningSpec, Life, TuningReading> {
  return {
    noun: 'search',
    port: 'tuning',
    begin: (spec, now, earlier) => plan(script, spec, now, earlier + 1),
    endAt: ({ end }) => end.at,
    nextChangeAt: ({ startedAt, rule, end }, now) => {
      const waveMs = rule.trialSeconds * 1000;
      const next = startedAt + (Math.floor((now - startedAt) / waveMs) + 1) * waveMs;
      return rule.stalls || waveMs === 0 ? end.at : Math.min(next, end.at);
    },
    cut: (life, at) => ({ ...life, end: { at, by: 'stop' } }),
    reading: ({ key, spec }, life, now) => readingOf(script, key, spec, life, now),
    unknown: unknownSearch,
  };
}

function plan(script: FullScript, spec: TuningSpec, now: number, attempt: number): Life {
  if (spec.algorithm === 'bayesian') {
    throw new OrreryError(
      'OPERATION_UNSUPPORTED',
      'Cannot search by "bayesian": the simulated world searches by grid or random',
    );
  }
  const points = searchPoints(spec);
  const rule =
    script.searches.find(
      (each) =>
        (each.version === undefined || each.version === spec.labels.version) &&
        (each.attempt === undefined || each.attempt === attempt),
    ) ?? searchRule.parse({});
  const dueAt = now + spec.timeoutSeconds * 1000;
  const failing = rule.trialsFail > spec.failedMax;
  const lastTrial = failing ? spec.failedMax + 1 : points.length;
  const at = now + Math.ceil(lastTrial / spec.parallelMax) * rule.trialSeconds * 1000;
  const onItsOwn = !rule.stalls && at <= dueAt;
  const end: Life['end'] = onItsOwn
    ? { at, by: failing ? 'fail' : 'succeed' }
    : { at: dueAt, by: 'timeout' };
  return { startedAt: now, points, rule, end };
}

function readingOf(
  script: FullScript,
  key: string,
  spec: TuningSpec,
  life: Life,
  now: number,
): TuningReading {
  const { startedAt, rule, end } = life;
  const ended = now >= end.at;
  const waveMs = rule.trialSeconds * 1000;
  const until = Math.min(now, end.at);
  const waves = rule.stalls
    ? 0
    : waveMs === 0
      ? Infinity
      : Math.floor((until - startedAt) / waveMs);
  const begun = ended && end.by !== 'stop' && end.by !== 'timeout' ? waves : waves + 1;
  const trials = life.points
    .slice(0, Math.min(life.points.length, begun * spec.parallelMax))
    .map((params, at) => {
      const done = at < waves * spec.parallelMax;
      return trialOf(script, spec, { params, at, done, ended, rule });
    });
  return {
    phase: ended ? PHASES[end.by] : 'running',
    revision: 1 + trials.filter(({ phase }) => phase !== 'running').length + Number(ended),
    trials,
    best: bestTrial(trials, spec.objective),
    billableSeconds: billed(trials.length, spec.parallelMax, waveMs, until - startedAt),
    reason: ended ? `ended: ${end.by}` : `${trials.length} of ${life.points.length} trials`,
    logUri: `sim://searches/${key}`,
  };
}

function trialOf(
  script: FullScript,
  { trial, objective }: TuningSpec,
  seen: {
    readonly params: Point;
    readonly at: number;
    readonly done: boolean;
    readonly ended: boolean;
    readonly rule: SearchRule;
  },
): TrialReading {
  const { params, at, done, ended, rule } = seen;
  const failed = at < rule.trialsFail;
  const phase: JobPhase = done
    ? failed
      ? 'failed'
      : 'succeeded'
    : ended
      ? 'cancelled'
      : 'running';
  const metrics = metricsAt(script, { ...trial.params, ...params }, 1);
  const value = phase === 'succeeded' ? (metrics[objective.metric] ?? null) : null;
  return { name: `trial-${at + 1}`, phase, params, value, reason: failed ? 'exit code 1' : '' };
}

function billed(trials: number, parallel: number, waveMs: number, elapsedMs: number): number {
  const waveStart = (at: number) => Math.floor(at / parallel) * waveMs;
  const ms = Array.from({ length: trials }, (_, at) =>
    Math.min(waveMs, Math.max(0, elapsedMs - waveStart(at))),
  );
  return ms.reduce((sum, each) => sum + each, 0) / 1000;
}

function unknownSearch(key: string): TuningReading {
  return {
    phase: 'lost',
    revision: 0,
    trials: [],
    best: null,
    billableSeconds: 0,
    reason: 'no search has this key',
    logUri: `sim://searches/${key}`,
  };
}
