import type { ArtifactRef } from '../../core/ports/artifacts.ts';
import type { JobHandle, JobIntent, JobPhase, JobReading } from '../../core/ports/compute.ts';
import { METRICS_FILE } from '../../core/tuning/metrics.ts';
import { EXIT_REJECTED } from '../../core/training/attempts.ts';
import type { SimStore } from './artifacts.ts';
import { stepAt, type Course } from './course.ts';
import { metricsAt } from './objective.ts';
import { runProgram } from './programs.ts';
import type { FullScript } from './settings.ts';

/** What is known once a job has ended. */
export interface Outcome {
  readonly phase: JobPhase;
  readonly reason: string;
  readonly outputs: Readonly<Record<string, ArtifactRef>>;
  readonly exit: JobReading['exit'];
}

export interface Job {
  readonly intent: JobIntent;
  readonly handle: JobHandle;
  course: Course;
  outcome: Outcome | null;
  /** Called when something other than time changes the job. */
  readonly watchers: Set<() => void>;
}

/** The outcome of a job whose end has come; its outputs go into the store. */
export function outcomeOf(job: Job, store: SimStore, script: FullScript): Outcome {
  const { spec } = job.intent;
  const { by, code, signal } = job.course.end;
  const exit = { code, signal };
  const without = (phase: JobPhase, reason: string): Outcome => ({
    phase,
    reason,
    outputs: {},
    exit,
  });
  switch (by) {
    case 'stop':
      return without('cancelled', `ended by ${signal} as asked`);
    case 'timeout':
      return without('failed', `over its limit of ${spec.timeoutSeconds} s`);
    case 'exit':
      return without('failed', `exit code ${code}`);
    case 'kill':
      return without('failed', `ended by ${signal}`);
    case 'vanish':
      return { ...without('lost', 'nothing runs and no end is recorded'), exit: null };
    case 'lose-outputs':
      return without('failed', `JOB_OUTPUT_MISSING: ${spec.outputs.join(', ')}`);
    case 'stall':
    case 'succeed': {
      const result = runProgram(spec, store, script);
      if ('rejects' in result) {
        const rejected = without('failed', `exit code ${EXIT_REJECTED}: ${result.rejects}`);
        return { ...rejected, exit: { code: EXIT_REJECTED, signal: null } };
      }
      const outputs = Object.entries(result.outputs).map(
        ([name, bytes]) => [name, store.keep(bytes)] as const,
      );
      return { phase: 'succeeded', reason: 'done', outputs: Object.fromEntries(outputs), exit };
    }
  }
}

/** Grows with each step and once more with the end. */
export function revisionOf(job: Job, now: number, steps: number): number {
  return 1 + stepAt(job.course, now, steps) + (job.outcome === null ? 0 : 1);
}

export function readingOf(job: Job, now: number, script: FullScript): JobReading {
  const { course, outcome, intent } = job;
  const steps = script.jobSteps;
  const step = stepAt(course, now, steps);
  return {
    phase: outcome?.phase ?? 'running',
    revision: revisionOf(job, now, steps),
    progress: {
      step,
      steps,
      message: `step ${step} of ${steps}`,
      ...(intent.spec.outputs.includes(METRICS_FILE) && step > 0
        ? { metrics: metricsAt(script, intent.spec.params, step / steps) }
        : {}),
    },
    exit: outcome?.exit ?? null,
    billableSeconds: (Math.min(now, course.end.at) - course.runsAt) / 1000,
    outputs: outcome?.outputs ?? {},
    reason: outcome?.reason ?? 'running',
    logUri: `sim://jobs/${intent.key}/log`,
  };
}

export function unknownJob(key: string): JobReading {
  return {
    phase: 'lost',
    revision: 0,
    progress: null,
    exit: null,
    billableSeconds: 0,
    outputs: {},
    reason: 'no job has this key',
    logUri: `sim://jobs/${key}/log`,
  };
}
