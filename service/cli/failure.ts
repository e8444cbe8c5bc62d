import { ERRORS, OrreryError } from '../../core/errors.ts';
import { EXIT, Unsuccessful, UsageError } from './io.ts';
import type { Io } from './io.ts';

/** Prints one block for whatever went wrong, and answers the exit code. */
export function reportFailure(io: Io, error: unknown, json: boolean): number {
  if (error instanceof Unsuccessful) return EXIT.failed;
  if (error instanceof UsageError) {
    io.err(`error: ${error.message}\n`);
    return EXIT.usage;
  }
  const known =
    error instanceof OrreryError
      ? error
      : new OrreryError('INTERNAL', error instanceof Error ? error.message : String(error));
  const { action, retryable } = ERRORS[known.code];
  if (json) {
    const { code, message, details } = known;
    io.err(`${JSON.stringify({ code, message, action, retryable, details }, null, 2)}\n`);
  } else {
    io.err(`error ${known.code}: ${known.message}\nnext: ${action}\n`);
  }
  return EXIT.failed;
}
