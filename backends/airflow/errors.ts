import { OrreryError, type ErrorCode } from '../../core/errors.ts';

/** Airflow's own message may be a stack trace; this much of its end is kept. */
const TOLD_CHARS_MAX = 600;

/** A reply that is JSON, whatever its status. */
export interface Reply {
  readonly status: number;
  readonly body: unknown;
}

/**
 * What Airflow says of an error: `{"detail": "…"}`, `{"detail": {"reason": …, "message": …}}` or,
 * from the validation of a body, `{"detail": [{"loc": […], "msg": "…"}]}`.
 */
export function toldBy({ status, body }: Reply): string {
  const detail = isObject(body) ? body['detail'] : undefined;
  if (typeof detail === 'string') return endOf(detail);
  if (Array.isArray(detail)) return endOf(detail.map(faultText).join('; '));
  if (isObject(detail)) return endOf(String(detail['reason'] ?? JSON.stringify(detail)));
  return `status ${status} without a message`;
}

function faultText(fault: unknown): string {
  if (!isObject(fault)) return String(fault);
  const place = Array.isArray(fault['loc']) ? fault['loc'].join('.') : '';
  return `${place}: ${String(fault['msg'] ?? '')}`;
}

/** The end of a text, where Python puts the error itself. */
export function endOf(text: string): string {
  const trimmed = text.trim();
  return trimmed.length <= TOLD_CHARS_MAX ? trimmed : `…${trimmed.slice(-TOLD_CHARS_MAX)}`;
}

/** Code for a reply that the caller has no use for. */
function codeOf(status: number): ErrorCode {
  if (status === 401) return 'CREDENTIALS_INVALID';
  if (status === 403) return 'ACCESS_DENIED';
  if (status === 404) return 'NOT_FOUND';
  if (status === 400 || status === 409 || status === 422) return 'SPEC_REJECTED';
  if (status === 429 || status >= 500) return 'BACKEND_UNAVAILABLE';
  return 'REPLY_MALFORMED';
}

/** The catalogue error of a reply, with Airflow's own message in it. */
export function refusal(action: string, reply: Reply, code = codeOf(reply.status)): OrreryError {
  return new OrreryError(code, `Cannot ${action}: Airflow says ${reply.status}: ${toldBy(reply)}`, {
    details: { status: reply.status },
  });
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
