import { OrreryError } from '../../core/errors.ts';
import type {
  LineageArtifact,
  Pipeline,
  PipelineIntent,
  PipelineReading,
  PipelineSpec,
  PipelineTask,
} from '../../core/ports/pipeline.ts';
import type { VirtualClock } from './clock.ts';
import { FarWork, type WorkKind } from './far-work.ts';
import type { Journal } from './journal.ts';
import type { FullScript } from './settings.ts';
import type { PipelineScript } from './work-script.ts';

/** A run from one start, or one retry, to its end. */
interface Life {
  readonly startedAt: number;
  /** Tasks before this one had succeeded already. */
  readonly from: number;
  /** Ends of the tasks from `from` on that succeed, milliseconds since 1970. */
  readonly taskEnds: readonly number[];
  readonly end: {
    readonly at: number;
    readonly by: 'succeed' | 'fail' | 'timeout' | 'stop' | 'vanish';
  };
  /** Revision before this life. */
  readonly revision: number;
}

interface Surroundings {
  readonly script: FullScript;
  readonly clock: VirtualClock;
  readonly journal: Journal;
}

const PHASES = {
  succeed: 'succeeded',
  fail: 'failed',
  timeout: 'failed',
  stop: 'cancelled',
  vanish: 'lost',
} as const;

/** Runs of scripted pipelines: their tasks one after the other, in virtual time. */
export class SimPipeline implements Pipeline {
  readonly #script: FullScript;
  readonly #runs: FarWork<PipelineSpec, Life, PipelineReading>;
  /** Spec and task → how often the task has failed. */
  readonly #failures = new Map<string, number>();

  constructor({ script, clock, journal }: Surroundings) {
    this.#script = script;
    const { stopSeconds } = script;
    this.#runs = new FarWork(this.#kind(), { clock, journal, stopSeconds });
  }

  settle(): void {
    this.#runs.settle();
  }
  start(intent: PipelineIntent) {
    return this.#runs.start(intent);
  }
  read(
    handle: { readonly key: string; readonly remoteId: string },
    wait?: { readonly since: number; readonly waitMs: number } | null,
  ) {
    return this.#runs.read(handle, wait);
  }
  stop(handle: { readonly key: string; readonly remoteId: string }) {
    return this.#runs.stop(handle);
  }
  async retry(handle: { readonly key: string; readonly remoteId: string }) {
    return this.#runs.revive(handle, (spec, life, now) => {
      const { retries } = this.#scriptOf(spec);
      if (!retries) {
        throw new OrreryError(
          'OPERATION_UNSUPPORTED',
          `Cannot run failed tasks of ${handle.key} again: "${spec.pipeline}" is scripted without retries`,
        );
      }
      if (now < life.end.at || life.end.by === 'succeed') return null;
      const from = life.from + life.taskEnds.length;
      return this.#plan(spec, { startedAt: life.startedAt, from, now, revision: last(life) });
    });
  }
  list() {
    return this.#runs.list((_, { runSeconds, costUsd }) => ({
      billableSeconds: runSeconds,
      costUsd,
    }));
  }

  #kind(): WorkKind<PipelineSpec, Life, PipelineReading> {
    return {
      noun: 'run',
      port: 'pipeline',
      begin: (spec, now) => this.#plan(spec, { startedAt: now, from: 0, now, revision: 0 }),
      endAt: ({ end }) => end.at,
      nextChangeAt: ({ taskEnds, end }, now) => taskEnds.find((at) => at > now) ?? end.at,
      cut: (life, at) => ({
        ...life,
        taskEnds: life.taskEnds.filter((end) => end <= at),
        end: { at, by: 'stop' },
      }),
      reading: ({ key, spec }, life, now) => readingOf(key, this.#scriptOf(spec), life, now),
      unknown: unknownRun,
    };
  }

  #plan(
    spec: PipelineSpec,
    {
      startedAt,
      from,
      now,
      revision,
    }: Pick<Life, 'startedAt' | 'from' | 'revision'> & {
      readonly now: number;
    },
  ): Life {
    const script = this.#scriptOf(spec);
    const dueAt = startedAt + spec.timeoutSeconds * 1000;
    const taskEnds: number[] = [];
    let at = now;
    let end: Life['end'] | null = null;
    for (const task of script.tasks.slice(from)) {
      at += task.seconds * 1000;
      if (task.stalls || at > dueAt) end = { at: Math.max(now, dueAt), by: 'timeout' };
      else if (this.#fails(spec, task)) end = { at, by: 'fail' };
      if (end !== null) break;
      taskEnds.push(at);
    }
    end ??= { at, by: 'succeed' };
    const vanishesAt = startedAt + (script.vanishesAtSecond ?? Infinity) * 1000;
    if (vanishesAt < end.at) end = { at: Math.max(now, vanishesAt), by: 'vanish' };
    return { startedAt, from, revision, end, taskEnds: taskEnds.filter((time) => time <= end.at) };
  }

  #fails(spec: PipelineSpec, { name, fails }: PipelineScript['tasks'][number]): boolean {
    const { workflowId } = spec.labels;
    const key = `${workflowId}\n${spec.pipeline}\n${name}`;
    const before = this.#failures.get(key) ?? 0;
    if (before >= fails) return false;
    this.#failures.set(key, before + 1);
    return true;
  }

  #scriptOf({ pipeline }: PipelineSpec): PipelineScript {
    const { pipelines } = this.#script;
    const found = Object.hasOwn(pipelines, pipeline) ? pipelines[pipeline] : undefined;
    if (found !== undefined) return found;
    throw new OrreryError(
      'NOT_FOUND',
      `Cannot run the pipeline "${pipeline}": the script of the world has ${Object.keys(pipelines).join(', ') || 'none'}`,
    );
  }
}

function readingOf(key: string, script: PipelineScript, life: Life, now: number): PipelineReading {
  const { end, startedAt } = life;
  const ended = now >= end.at;
  const phase = ended ? PHASES[end.by] : 'running';
  const done = life.from + life.taskEnds.filter((at) => at <= now).length;
  const tasks = script.tasks.map(({ name }, at) => ({
    name,
    ...taskState(at - done, ended, end.by),
    logUri: `sim://runs/${key}/${name}`,
  }));
  const runSeconds = (Math.min(now, end.at) - startedAt) / 1000;
  const { usdPerHour } = script;
  return {
    phase,
    revision: life.revision + 1 + (done - life.from) + Number(ended),
    tasks: end.by === 'vanish' && ended ? [] : tasks,
    lineage: script.tasks.slice(0, done).flatMap(lineageOf),
    warnings: [],
    runSeconds,
    costUsd: usdPerHour === null ? null : (usdPerHour * runSeconds) / 3600,
    reason: ended ? reasonOf(script, done, end.by) : `task ${done + 1} of ${tasks.length}`,
    logUri: `sim://runs/${key}`,
  };
}

/** @param after tasks between the one that is next and this one; below 0: it has succeeded */
function taskState(
  after: number,
  ended: boolean,
  by: Life['end']['by'],
): Pick<PipelineTask, 'phase' | 'reason'> {
  if (after < 0) return { phase: 'succeeded', reason: 'done' };
  if (!ended) return after === 0 ? RUNNING : { phase: 'pending', reason: 'not yet' };
  if (after > 0) return { phase: 'skipped', reason: 'the run ended before it' };
  if (by === 'stop') return { phase: 'cancelled', reason: 'ended as asked' };
  return {
    phase: 'failed',
    reason: by === 'timeout' ? 'over the limit of the run' : 'exit code 1',
  };
}
const RUNNING = { phase: 'running', reason: 'running' } as const;

function reasonOf(script: PipelineScript, done: number, by: Life['end']['by']): string {
  const name = script.tasks[done]?.name ?? '';
  const reasons = {
    succeed: 'done',
    fail: `task ${name} failed: exit code 1`,
    timeout: `over its limit while ${name} ran`,
    stop: 'ended as asked',
    vanish: 'no run has this key',
  } as const;
  return reasons[by];
}

function lineageOf({ name, reads, writes }: PipelineScript['tasks'][number]): LineageArtifact[] {
  const told = (direction: LineageArtifact['direction'], uris: readonly string[]) =>
    uris.map((uri) => ({
      task: name,
      direction,
      name: uri.split('/').at(-1) ?? uri,
      uri,
      type: '',
    }));
  return [...told('input', reads), ...told('output', writes)];
}

/** Revision of a life that has ended. */
function last(life: Life): number {
  return life.revision + 2 + life.taskEnds.length;
}

function unknownRun(key: string): PipelineReading {
  return {
    phase: 'lost',
    revision: 0,
    tasks: [],
    lineage: [],
    warnings: [],
    runSeconds: 0,
    costUsd: null,
    reason: 'no run has this key',
    logUri: `sim://runs/${key}`,
  };
}
