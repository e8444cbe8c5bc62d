import { z } from 'zod';
import { ERRORS, OrreryError } from '../../core/errors.ts';
import type { ErrorCode } from '../../core/errors.ts';
import { STATUS_BY_CODE } from './status.ts';

export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

/** Problem details (RFC 9457) with the code of the catalogue and what the caller does next. */
export const problemSchema = z.strictObject({
  type: z.string().describe('urn:orrery:error:<code>, explained in docs/errors.md'),
  title: z.string(),
  status: z.int().min(400).max(599),
  detail: z.string(),
  code: z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]),
  action: z.string(),
  retryable: z.boolean(),
  problems: z.array(z.strictObject({ member: z.string(), problem: z.string() })).optional(),
});
export type Problem = z.infer<typeof problemSchema>;

/** What is answered for anything that was thrown while a request was handled. */
export function problemOf(error: unknown): Problem {
  if (error instanceof OrreryError) return problem(error.code, error.message, error.details);
  const status = (error as { statusCode?: unknown }).statusCode;
  if (typeof status === 'number' && status >= 400 && status < 500) {
    // The web framework refuses malformed JSON, foreign media types and bodies over the limit.
    return { ...problem('REQUEST_INVALID', (error as Error).message), status };
  }
  // What happened inside is for the log, not for the caller.
  return problem('INTERNAL', 'Cannot answer: something happened that no rule foresaw');
}

function problem(
  code: ErrorCode,
  detail: string,
  details: Readonly<Record<string, unknown>> = {},
): Problem {
  const { meaning, action, retryable } = ERRORS[code];
  const problems = z
    .array(z.strictObject({ member: z.string(), problem: z.string() }))
    .safeParse(details['problems']);
  return {
    type: `urn:orrery:error:${code}`,
    title: meaning,
    status: STATUS_BY_CODE[code],
    detail,
    code,
    action,
    retryable,
    ...(problems.success ? { problems: problems.data } : {}),
  };
}
