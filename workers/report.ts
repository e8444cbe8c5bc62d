import { ERRORS, OrreryError } from '../core/errors.ts';

/** Prints an error as a person wants it, and makes the process end with 1. */
export function reportError(error: unknown): void {
  const known =
    error instanceof OrreryError
      ? error
      : new OrreryError('INTERNAL', String(error), { cause: error });
  process.stderr.write(
    `error ${known.code}: ${known.message}\nnext: ${ERRORS[known.code].action}\n`,
  );
  // Only what no rule foresaw needs the place in the sources.
  if (known.code === 'INTERNAL' && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  process.exitCode = 1;
}
