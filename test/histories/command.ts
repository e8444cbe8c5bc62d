import { isDeepStrictEqual } from 'node:util';

/** What a workflow asked the server to do, in one form for histories and for running code. */
export interface Command {
  readonly kind:
    | 'activity'
    | 'cancel activity'
    | 'timer'
    | 'cancel timer'
    | 'child'
    | 'cancel child'
    | 'signal'
    | 'search attributes'
    | 'accept update'
    | 'answer update'
    | 'complete'
    | 'fail'
    | 'cancel';
  /** Type of the activity or child, name of the signal; empty where there is none. */
  readonly name: string;
  /** Arguments, timeouts in seconds, retry policy, queue: whatever the server was told. */
  readonly details: Readonly<Record<string, unknown>>;
}

/** What a failure says, without its stack, which changes with every build. */
export interface FailureDetails {
  readonly message: string;
  readonly type: string | null;
  readonly nonRetryable: boolean;
  readonly cause: FailureDetails | null;
}

/** Most differences that are worth telling: what follows the first few follows from them. */
const TOLD_MAX = 5;

/**
 * Where the commands that the code issues differ from those recorded, in words; empty when they
 * agree. The order counts.
 */
export function differences(recorded: readonly Command[], issued: readonly Command[]): string[] {
  const told: string[] = [];
  const length = Math.max(recorded.length, issued.length);
  for (let at = 0; at < length && told.length < TOLD_MAX; at += 1) {
    const was = recorded[at];
    const is = issued[at];
    if (was === undefined || is === undefined) {
      told.push(`command ${at + 1}: recorded ${title(was)}, issued ${title(is)}`);
    } else if (was.kind !== is.kind || was.name !== is.name) {
      told.push(`command ${at + 1}: recorded ${title(was)}, issued ${title(is)}`);
    } else {
      told.push(
        ...changed(was.details, is.details, '').map(
          (change) => `command ${at + 1}: ${title(was)}: ${change}`,
        ),
      );
    }
  }
  return told.slice(0, TOLD_MAX);
}

function title(command: Command | undefined): string {
  return command === undefined ? 'nothing' : `${command.kind} ${command.name}`.trimEnd();
}

function changed(was: unknown, is: unknown, path: string): string[] {
  if (isDeepStrictEqual(was, is)) return [];
  if (!isTree(was) || !isTree(is)) {
    return [`${path}: recorded ${JSON.stringify(was)}, issued ${JSON.stringify(is)}`];
  }
  const names = [...new Set([...Object.keys(was), ...Object.keys(is)])];
  return names.flatMap((name) =>
    changed(was[name], is[name], path === '' ? name : `${path}.${name}`),
  );
}

function isTree(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

/** A failure of the protocol, as both a history and a command carry it. */
export function failureDetails(failure: unknown): FailureDetails {
  const { message, cause, applicationFailureInfo } = failure as {
    message?: string;
    cause?: unknown;
    applicationFailureInfo?: { type?: string | null; nonRetryable?: boolean | null };
  };
  return {
    message: message ?? '',
    type: applicationFailureInfo?.type ?? null,
    nonRetryable: applicationFailureInfo?.nonRetryable ?? false,
    cause: cause === undefined || cause === null ? null : failureDetails(cause),
  };
}
