import type { z } from 'zod';
import { OrreryError } from '../core/errors.ts';

/** Most problems that one message tells; a request with more is mended in rounds. */
const PROBLEMS_TOLD_MAX = 12;

/**
 * Parses a value that came from outside.
 *
 * @param what names the value in the message, such as `the lifecycle request`
 * @throws OrreryError REQUEST_INVALID naming each member that does not fit
 */
export function parseOrThrow<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  what: string,
): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => ({
    member: issue.path.join('.') || '(the whole)',
    problem: issue.message,
  }));
  const told = problems
    .slice(0, PROBLEMS_TOLD_MAX)
    .map(({ member, problem }) => `${member}: ${problem}`);
  throw new OrreryError('REQUEST_INVALID', `Cannot take ${what}: ${told.join('; ')}`, {
    details: { problems },
  });
}
