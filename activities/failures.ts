import { Context } from '@temporalio/activity';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { ERRORS, OrreryError } from '../core/errors.ts';
import type { ErrorCode } from '../core/errors.ts';

/**
 * Wraps activities so that every error leaves as an `ApplicationFailure` whose type is a code of
 * the catalogue and which Temporal retries exactly when the catalogue says so.
 */
export function withCodes<A extends Record<string, (input: never) => Promise<unknown>>>(
  activities: A,
): A {
  const wrapped = Object.entries(activities).map(([name, run]) => [
    name,
    async (input: never) => {
      try {
        return await run(input);
      } catch (error) {
        throw toFailure(error);
      }
    },
  ]);
  return Object.fromEntries(wrapped) as A;
}

export function toFailure(error: unknown): Error {
  if (error instanceof CancelledFailure || error instanceof ApplicationFailure) return error;
  const known = toOrreryError(error);
  return ApplicationFailure.create({
    type: known.code,
    message: known.message,
    nonRetryable: !ERRORS[known.code].retryable,
    details: [known.details],
    ...(known.cause instanceof Error ? { cause: known.cause } : {}),
  });
}

/**
 * Makes an error tell whether it was the first answer to this activity: no earlier try can have had
 * an effect then, so a refusal means that nothing is there.
 */
export async function withFirstAnswer<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    const isFirst = Context.current().info.attempt === 1;
    if (!isFirst || !(error instanceof OrreryError)) throw error;
    const { code, message, cause, details } = error;
    throw new OrreryError(code, message, { cause, details: { ...details, firstAnswer: true } });
  }
}

/** Errors of the operating system that mean something to an operator. */
const SYSTEM_CODES: Readonly<Record<string, ErrorCode>> = {
  ENOSPC: 'DISK_FULL',
  EDQUOT: 'DISK_FULL',
  EADDRINUSE: 'PORT_IN_USE',
};

function toOrreryError(error: unknown): OrreryError {
  if (error instanceof OrreryError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const system = (error as { code?: unknown } | null)?.code;
  const code = (typeof system === 'string' ? SYSTEM_CODES[system] : undefined) ?? 'INTERNAL';
  return new OrreryError(code, message, { cause: error });
}
