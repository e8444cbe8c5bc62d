import {
  ActivityFailure,
  ApplicationFailure,
  ChildWorkflowFailure,
  isCancellation,
  TimeoutFailure,
} from '@temporalio/workflow';
import { ERRORS, isErrorCode, OrreryError } from '../core/errors.ts';
import type { ErrorCode } from '../core/errors.ts';

/** A failure of this run with a code of the catalogue; retrying the workflow would not help. */
export function failure(code: ErrorCode, message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, code);
}

/** Rules of core throw plain errors; a workflow that let them through would hang in retries. */
export function fromRule<Value>(rule: () => Value): Value {
  try {
    return rule();
  } catch (error) {
    if (error instanceof OrreryError) throw failure(error.code, error.message);
    throw error;
  }
}

/** The failure that started it, beneath what activities and children wrap around it. */
export function rootOf(error: unknown): { code: ErrorCode; message: string } {
  let root = error;
  while (
    (root instanceof ActivityFailure ||
      root instanceof ChildWorkflowFailure ||
      root instanceof TimeoutFailure) &&
    root.cause !== undefined
  ) {
    root = root.cause;
  }
  const message = root instanceof Error ? root.message : String(root);
  const type = root instanceof ApplicationFailure ? root.type : undefined;
  return { code: isErrorCode(type) ? type : 'INTERNAL', message };
}

/** What a far side answered to a call, or that it did not. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
  /**
   * Nothing came of the call: it was refused for good in its first answer, so no earlier try can
   * have had an effect, or the name belongs to somebody else.
   */
  readonly clear: boolean;
}

export function refusalOf(error: unknown): Refusal {
  const { code, message } = rootOf(error);
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (cause instanceof TimeoutFailure && code === 'INTERNAL') {
    const told = `the far side did not answer: ${message}`;
    return { code: 'BACKEND_UNAVAILABLE', message: told, clear: false };
  }
  const [details] = cause instanceof ApplicationFailure ? (cause.details ?? []) : [];
  const first = (details as { firstAnswer?: unknown } | null | undefined)?.firstAnswer === true;
  return { code, message, clear: code === 'NAME_TAKEN' || (first && !ERRORS[code].retryable) };
}

export { isCancellation };
