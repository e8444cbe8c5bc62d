import {
  ActivityFailure,
  ApplicationFailure,
  ChildWorkflowFailure,
  isCancellation,
  TimeoutFailure,
} from '@temporalio/workflow';
import { isErrorCode, OrreryError } from '../core/errors.ts';
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

/** The same for a call to a far side: one that did not return in its time is a far side that does not answer. */
export function refusalOf(error: unknown): { code: ErrorCode; message: string } {
  const timedOut = error instanceof ActivityFailure && error.cause instanceof TimeoutFailure;
  const root = rootOf(error);
  return timedOut && root.code === 'INTERNAL'
    ? { code: 'BACKEND_UNAVAILABLE', message: `the far side did not answer: ${root.message}` }
    : root;
}

export { isCancellation };
