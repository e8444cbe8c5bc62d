/**
 * What the host agent and its clients say to each other: HTTP with JSON bodies over a unix socket.
 * Errors travel as `ErrorBody` and come out of the client as OrreryError again.
 */
import { join } from 'node:path';
import { OrreryError } from '../../../core/errors.ts';
import type { ErrorCode } from '../../../core/errors.ts';
import type { JobIntent, JobPhase } from '../../../core/ports/compute.ts';

/** Agents of another version are replaced by `ensureAgent`; what they run goes on. */
export const PROTOCOL_VERSION = '1';

/** `sun_path` of unix(7) holds 108 bytes, the last of them NUL. */
export const SOCKET_PATH_BYTES_MAX = 107;
/** Longest wait that a client may ask for in one reading, milliseconds. */
export const WAIT_MS_MAX = 60_000;
/** Longest grace of a job or a service, seconds. */
export const GRACE_SECONDS_MAX = 3600;
/** Largest body of a request, bytes: a spec, never data. */
export const BODY_BYTES_MAX = 1_048_576;

/** An intent with its command resolved to programs of this machine. */
export interface JobOrder {
  readonly intent: JobIntent;
  readonly argv: readonly string[];
}

/** A long-lived process, such as a scoring server or a proxy. */
export interface ServiceSpec {
  /** Letters, digits, dot, dash and underscore; also the name of its log file. */
  readonly name: string;
  /** Program and arguments; the program is a path, or a name on PATH. */
  readonly command: readonly string[];
  /** Added to the few variables that every process gets (PATH, HOME, LANG, TMPDIR, TZ). */
  readonly env: Readonly<Record<string, string>>;
  /** Working directory; the service's own folder when left out. */
  readonly cwd?: string;
  /** Seconds between SIGTERM and SIGKILL, 0–3600. */
  readonly graceSeconds: number;
}

export interface ProcessExit {
  readonly code: number | null;
  readonly signal: string | null;
}

/** `exited`: it ended by itself. `gone`: nobody started it, or it was stopped on request. */
export interface ServiceReading {
  readonly name: string;
  readonly phase: 'running' | 'exited' | 'gone';
  /** Process id of the program itself while it runs. */
  readonly pid: number | null;
  /** Set when exited; both members are null when nobody saw how. */
  readonly exit: ProcessExit | null;
  /** Digest of the spec that was started; null when gone. */
  readonly specDigest: string | null;
  readonly logPath: string;
}

export interface AgentHealth {
  readonly pid: number;
  /** ISO 8601 */
  readonly startedAt: string;
  readonly version: string;
}

/** What runs now; jobs that ended are read by their key. */
export interface AgentList {
  readonly jobs: readonly {
    readonly key: string;
    readonly phase: JobPhase;
    readonly pid: number | null;
    readonly kind: string;
    readonly workflowId: string;
  }[];
  readonly services: readonly ServiceReading[];
}

export interface ErrorBody {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/**
 * Where the agent of a home listens.
 *
 * @throws OrreryError SETTINGS_INVALID when the path is too long for a unix socket
 */
export function socketPath(home: string): string {
  const path = join(home, 'agent.sock');
  const bytes = Buffer.byteLength(path);
  if (bytes > SOCKET_PATH_BYTES_MAX) {
    throw new OrreryError(
      'SETTINGS_INVALID',
      `Cannot listen on "${path}": it has ${bytes} bytes, a unix socket allows ${SOCKET_PATH_BYTES_MAX}; choose a shorter ORRERY_HOME`,
    );
  }
  return path;
}
