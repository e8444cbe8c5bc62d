import { Context } from '@temporalio/activity';
import type { Clock } from '../core/backend.ts';
import { ERRORS, OrreryError } from '../core/errors.ts';
import type { ArmCounters, Metrics } from '../core/ports/metrics.ts';
import { countsBetween } from '../core/rollout/counts.ts';
import type { Tick } from '../core/rollout/counts.ts';
import { addTick, judge } from '../core/rollout/judge.ts';
import type { JudgePolicy, JudgeState } from '../core/rollout/judge.ts';
import type { Deps } from './deps.ts';
import { clockOf, portOf } from './deps.ts';

/** Most ticks that one observation returns; a longer one is asked for again. Keeps history small. */
export const OBSERVED_TICKS_MAX = 600;

export interface ObserveInput {
  readonly backend: string;
  readonly route: string;
  readonly canary: string;
  /** null where there is nothing to compare with. */
  readonly stable: string | null;
  readonly policy: JudgePolicy;
  /** The evidence so far. */
  readonly state: JudgeState;
  readonly tickSeconds: number;
}

export interface Observation {
  readonly ticks: readonly Tick[];
  /** Seconds since the last counts that could be had: no evidence. */
  readonly secondsWithoutData: number;
}

/** What a heartbeat carries: readings and ticks that belong together, so that none counts twice. */
interface Memory {
  readonly counters: readonly ArmCounters[];
  readonly at: number;
  readonly ticks: readonly Tick[];
  readonly secondsWithoutData: number;
}

export function createObserveActivities(deps: Deps) {
  return {
    /**
     * Counts both arms tick by tick until the judge has something to say. Counters are cumulative:
     * an attempt that resumes from an older heartbeat counts the stretch since then once, as one
     * longer tick.
     */
    async observeArms(input: ObserveInput): Promise<Observation> {
      const metrics = await portOf(deps, input.backend, 'metrics');
      const clock = await clockOf(deps, input.backend);
      return observe(input, metrics, clock);
    },
  };
}

async function observe(input: ObserveInput, metrics: Metrics, clock: Clock): Promise<Observation> {
  const context = Context.current();
  let memory = context.info.heartbeatDetails as Memory | undefined;
  let state = (memory?.ticks ?? []).reduce(
    (s, tick) => addTick(s, tick, input.policy),
    input.state,
  );
  for (;;) {
    const readAt = clock.now();
    const counters = await readCounters(metrics, input);
    if (memory === undefined) {
      memory = { counters, at: readAt, ticks: [], secondsWithoutData: 0 };
    } else {
      const seconds = (readAt - memory.at) / 1000;
      const tick = tickOf(memory.counters, counters, input, seconds);
      memory = remember(memory, counters, readAt, tick);
      if (tick !== null) state = addTick(state, tick, input.policy);
    }
    context.heartbeat(memory);
    const silent = memory.secondsWithoutData >= input.policy.undecidedSecondsMax;
    const full = memory.ticks.length >= OBSERVED_TICKS_MAX;
    if (silent || full || judge(state, input.policy).kind !== 'hold') {
      return { ticks: memory.ticks, secondsWithoutData: memory.secondsWithoutData };
    }
    await clock.sleep(input.tickSeconds * 1000, context.cancellationSignal);
    if (context.cancellationSignal.aborted) await context.cancelled;
  }
}

/** A gap leaves the last readings in place, so that the next ones count the whole stretch once. */
function remember(
  memory: Memory,
  counters: readonly ArmCounters[],
  at: number,
  tick: Tick | null,
): Memory {
  if (tick !== null) {
    return { counters, at, ticks: [...memory.ticks, tick], secondsWithoutData: 0 };
  }
  const elapsed = (at - memory.at) / 1000;
  return counters.length === 0
    ? { ...memory, secondsWithoutData: elapsed }
    : { ...memory, counters, at, secondsWithoutData: memory.secondsWithoutData + elapsed };
}

/** A source that fails gives no data, and no data is no evidence; a wrong question is an error. */
async function readCounters(
  metrics: Metrics,
  input: ObserveInput,
): Promise<readonly ArmCounters[]> {
  const versions = input.stable === null ? [input.canary] : [input.canary, input.stable];
  try {
    return await metrics.read({
      route: input.route,
      versions,
      latencyMsMax: input.policy.latencyMsMax,
    });
  } catch (error) {
    if (error instanceof OrreryError && !ERRORS[error.code].retryable) throw error;
    return [];
  }
}

function tickOf(
  before: readonly ArmCounters[],
  after: readonly ArmCounters[],
  input: ObserveInput,
  seconds: number,
): Tick | null {
  const counts = (version: string) =>
    countsBetween(
      before.find((arm) => arm.version === version),
      after.find((arm) => arm.version === version),
    );
  const canary = counts(input.canary);
  if (canary === null) return null;
  if (input.stable === null) return { seconds, canary, stable: null };
  const stable = counts(input.stable);
  return stable === null ? null : { seconds, canary, stable };
}
