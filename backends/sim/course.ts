import { EXIT_PREEMPTED } from '../../core/training/attempts.ts';
import type { JobSpec } from '../../core/ports/compute.ts';
import type { FullScript, JobEnding } from './settings.ts';

/** How a job ends once nobody interferes, or how somebody's interference ended it. */
export type End = {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly by: JobEnding['does'] | 'timeout' | 'stop';
  readonly code: number | null;
  readonly signal: string | null;
};

/**
 * The whole life of a job, known when it starts: a job is a function of time, so that reading it
 * seldom or often shows the same life.
 */
export interface Course {
  readonly runsAt: number;
  /** Share of the work, 0–1, that a checkpoint of an earlier attempt had done already. */
  readonly fromShare: number;
  /** Milliseconds that the whole work would take. */
  readonly fullMs: number;
  /** Share at which progress ends, 0–1. */
  readonly haltShare: number;
  readonly end: End;
}

/** The first rule of the script that fits the job. */
export function ruleFor(script: FullScript, spec: JobSpec, attempt: number) {
  return script.jobs.find(
    (rule) =>
      (rule.kind === undefined || rule.kind === spec.kind) &&
      (rule.version === undefined || rule.version === spec.labels.version) &&
      (rule.attempt === undefined || rule.attempt === attempt) &&
      Object.entries(rule.params).every(([name, value]) => spec.params[name] === value),
  );
}

export function planCourse(
  script: FullScript,
  spec: JobSpec,
  attempt: number,
  now: number,
  savedShare: number,
): Course {
  const rule = ruleFor(script, spec, attempt);
  const ending: JobEnding = rule?.ending ?? { does: 'succeed' };
  const fullMs = (rule?.seconds ?? script.jobSeconds[spec.kind]) * 1000;
  // A checkpoint beyond the scripted fault does not cancel the fault: it strikes at once.
  const haltShare = 'atPercent' in ending ? Math.max(ending.atPercent / 100, savedShare) : 1;
  const haltsAt = now + (haltShare - savedShare) * fullMs;
  const dueAt = now + spec.timeoutSeconds * 1000;
  const onItsOwn = ending.does !== 'stall' && haltsAt <= dueAt;
  const end: End = onItsOwn
    ? { at: haltsAt, by: ending.does, ...exitOf(ending) }
    : { at: dueAt, by: 'timeout', code: null, signal: 'SIGKILL' };
  return { runsAt: now, fromShare: savedShare, fullMs, haltShare, end };
}

function exitOf(ending: JobEnding): Pick<End, 'code' | 'signal'> {
  switch (ending.does) {
    case 'succeed':
    case 'lose-outputs':
      return { code: 0, signal: null };
    case 'exit':
      return { code: ending.code, signal: null };
    case 'kill':
      return { code: null, signal: 'SIGKILL' };
    case 'stall':
    case 'vanish':
      return { code: null, signal: null };
  }
}

/** Share of the work done at a time, 0–1. */
export function shareAt(course: Course, now: number): number {
  const until = Math.min(now, course.end.at);
  if (course.fullMs === 0) return course.haltShare;
  const done = course.fromShare + Math.max(0, until - course.runsAt) / course.fullMs;
  return Math.min(course.haltShare, done);
}

/** Steps done at a time. A tolerance keeps a step that is due now from being lost to rounding. */
export function stepAt(course: Course, now: number, steps: number): number {
  return Math.floor(shareAt(course, now) * steps + 1e-9);
}

/** When the next step or the end comes; null once it has ended. */
export function nextChangeAt(course: Course, now: number, steps: number): number | null {
  if (now >= course.end.at) return null;
  const nextShare = (stepAt(course, now, steps) + 1) / steps;
  if (nextShare > course.haltShare + 1e-9) return course.end.at;
  const at = course.runsAt + (nextShare - course.fromShare) * course.fullMs;
  // At least a millisecond on, so that rounding can never make a wait of no length.
  return Math.min(course.end.at, Math.max(Math.ceil(at), now + 1));
}

/** Share of the work that survives the job in a checkpoint, if it has a scope. */
export function savedShareAt(course: Course, now: number, everyPercent: number): number {
  const share = shareAt(course, now);
  const every = everyPercent / 100;
  const regular = Math.floor(share / every + 1e-9) * every;
  // An end on request (SIGTERM) saves everything; a kill only what was saved at the last interval.
  const { by, code } = course.end;
  const asked = now >= course.end.at && (by === 'stop' || code === EXIT_PREEMPTED);
  return Math.max(course.fromShare, asked ? share : regular);
}
