import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { JobPhase, JobProgress } from '../../../core/ports/compute.ts';
import { EXIT_PREEMPTED, EXIT_REJECTED } from '../../../core/training/attempts.ts';
import { parseProgress } from '../../../core/training/progress.ts';
import type { StopReason } from './job-folder.ts';
import { PROGRESS_FILE } from './job-folder.ts';
import type { ExitRecord } from './process-folder.ts';

/** A reason carries the end of the log: so many bytes and lines at most. */
const TAIL_BYTES_MAX = 2000;
const TAIL_LINES_MAX = 8;

export interface Ending {
  /** null when nobody wrote down how the program ended. */
  readonly exit: ExitRecord | null;
  readonly stop: StopReason | null;
  readonly timeoutSeconds: number;
}

/**
 * What an ended job is, before its outputs are looked at. Success wins over a stop that came too
 * late; `cancelled` is said only of a job that we stopped, and only now that it is gone.
 */
export function verdictOf({ exit, stop, timeoutSeconds }: Ending): {
  readonly phase: JobPhase;
  readonly reason: string;
} {
  if (exit?.code === 0) return { phase: 'succeeded', reason: 'exit code 0' };
  const how = exit === null ? 'nobody saw how it ended' : howEnded(exit);
  switch (stop) {
    case 'timeout':
      return { phase: 'failed', reason: `stopped at its limit of ${timeoutSeconds} s; ${how}` };
    case 'cancel':
      return { phase: 'cancelled', reason: `stopped on request; ${how}` };
    case 'shutdown':
      return { phase: 'cancelled', reason: `stopped with the host agent; ${how}` };
    case null:
      return exit === null
        ? { phase: 'lost', reason: 'its wrapper died, and the program was ended' }
        : { phase: 'failed', reason: how };
  }
}

function howEnded({ code, signal, error }: ExitRecord): string {
  if (error !== null) return `it could not be started: ${error}`;
  if (code === null) return `ended by ${signal}`;
  if (code === EXIT_REJECTED) return `exit code ${code}: it rejected its input`;
  if (code === EXIT_PREEMPTED) return `exit code ${code}: it ended after SIGTERM`;
  return `exit code ${code}`;
}

/** The last lines of a log, for a reason; empty when there are none. */
export function logTail(path: string): string {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return '';
  }
  try {
    const { size } = fstatSync(file);
    const bytes = Buffer.alloc(Math.min(size, TAIL_BYTES_MAX));
    readSync(file, bytes, 0, bytes.length, size - bytes.length);
    return bytes.toString('utf8').trimEnd().split('\n').slice(-TAIL_LINES_MAX).join('\n');
  } finally {
    closeSync(file);
  }
}

/** What the program says of itself; null while there is nothing that can be read. */
export function readProgress(folder: string): JobProgress | null {
  try {
    return parseProgress(readFileSync(join(folder, PROGRESS_FILE), 'utf8'));
  } catch {
    return null;
  }
}
