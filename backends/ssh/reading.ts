import { constants } from 'node:os';
import { OrreryError } from '../../core/errors.ts';
import type { WorkLabels } from '../../core/labels.ts';
import type { JobPhase, JobProgress, JobReading } from '../../core/ports/compute.ts';
import { EXIT_PREEMPTED, EXIT_REJECTED } from '../../core/training/attempts.ts';
import { revisionFor } from '../connections/polling.ts';
import type { Line } from './host.ts';

/** A shell tells death by a signal as 128 + its number. */
const SIGNAL_BASE = 128;
/** Characters of a progress message, and lines of a log that go into a reason. */
const MESSAGE_CHARACTERS_MAX = 500;
const TAIL_LINES_MAX = 8;

/** A job as host.sh tells it, before its outputs are fetched. */
export interface Told extends Omit<JobReading, 'outputs' | 'logUri'> {
  readonly spec: string;
  readonly labels: WorkLabels;
  /** ISO 8601; null while it has not started. */
  readonly startedAt: string | null;
  readonly outputs: readonly {
    readonly name: string;
    readonly sha256: string;
    readonly bytes: number;
  }[];
}

/** null when the host has no such job. @throws OrreryError REPLY_MALFORMED */
export function toldBy(lines: readonly Line[]): Told | null {
  const all = (name: string) => lines.flatMap(([each, value]) => (each === name ? [value] : []));
  const one = (name: string) => all(name)[0] ?? null;
  const state = one('phase');
  if (state === 'unknown') return null;
  const labels = jsonOf<WorkLabels>(one('labels'));
  const [spec, now] = [one('spec'), Number(one('now'))];
  if (state === null || spec === null || labels === null || !Number.isFinite(now)) {
    const got = JSON.stringify(lines.slice(0, 3));
    throw new OrreryError('REPLY_MALFORMED', `Cannot read a job: the host answers ${got}`);
  }
  const started = one('started') === null ? null : Number(one('started'));
  const until = Number(one('ended') ?? now);
  const ending = endingOf(state, one, all('absent'));
  return {
    ...ending,
    spec,
    labels,
    revision: Math.max(Number(one('revision')), revisionFor(ending.phase)),
    progress: progressOf(one('progress')),
    startedAt: started === null ? null : new Date(started).toISOString(),
    billableSeconds: started === null ? 0 : Math.max(0, until - started) / 1000,
    outputs: ending.phase === 'succeeded' ? all('output').map(outputOf) : [],
  };
}

function endingOf(
  state: string,
  one: (name: string) => string | null,
  absent: readonly string[],
): Pick<Told, 'phase' | 'exit' | 'reason'> {
  const live = { pending: 'not launched yet', running: 'its processes live' }[state];
  if (live !== undefined) return { phase: state as JobPhase, exit: null, reason: live };
  if (state !== 'ended')
    return {
      phase: 'lost',
      exit: null,
      reason: 'nothing of it lives, and nobody saw how it ended',
    };
  const exit = exitOf(Number(one('status')));
  const tail = Buffer.from(one('tail') ?? '', 'base64')
    .toString()
    .trimEnd();
  const log = tail === '' ? '' : `\n${tail.split('\n').slice(-TAIL_LINES_MAX).join('\n')}`;
  const how = exit.code === null ? `ended by ${exit.signal}` : exitText(exit.code);
  if (exit.code === 0 && absent.length > 0) {
    return {
      phase: 'failed',
      exit,
      reason: `exit code 0 without its output ${absent.join(', ')}${log}`,
    };
  }
  if (exit.code === 0) return { phase: 'succeeded', exit, reason: how };
  if (one('stopped') !== null)
    return { phase: 'cancelled', exit, reason: `stopped on request; ${how}` };
  const limit = one('timedout') === null ? '' : 'stopped at its limit of time; ';
  return { phase: 'failed', exit, reason: `${limit}${how}${log}` };
}

/** 143 may be an exit of its own: docs/jobs.md gives it a meaning. */
function exitOf(status: number): NonNullable<JobReading['exit']> {
  const signal = Object.entries(constants.signals).find(
    ([, number]) => number === status - SIGNAL_BASE,
  );
  return signal === undefined || status === EXIT_PREEMPTED
    ? { code: status, signal: null }
    : { code: null, signal: signal[0] };
}

function exitText(code: number): string {
  if (code === EXIT_REJECTED) return `exit code ${code}: it rejected its input`;
  if (code === EXIT_PREEMPTED) return `exit code ${code}: it ended after SIGTERM`;
  return `exit code ${code}`;
}

function outputOf(line: string): Told['outputs'][number] {
  const [sha256 = '', bytes = '', ...name] = line.split(' ');
  return { name: name.join(' '), sha256, bytes: Number(bytes) };
}

function progressOf(base64: string | null): JobProgress | null {
  const { step, steps, message, metrics } = jsonOf<Record<string, unknown>>(base64) ?? {};
  if (!Number.isFinite(step) || !Number.isFinite(steps)) return null;
  const numbers = Object.entries(metrics ?? {}).filter(([, value]) => Number.isFinite(value));
  return {
    step: step as number,
    steps: steps as number,
    message: String(message ?? '').slice(0, MESSAGE_CHARACTERS_MAX),
    ...(numbers.length === 0 ? {} : { metrics: Object.fromEntries(numbers) }),
  };
}

function jsonOf<T>(base64: string | null): T | null {
  try {
    return base64 === null ? null : (JSON.parse(Buffer.from(base64, 'base64').toString()) as T);
  } catch {
    return null;
  }
}
