import { OrreryError } from '../../../core/errors.ts';
import type { ErrorCode } from '../../../core/errors.ts';

/**
 * What the API server says in place of an object.
 * https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/
 */
interface Status {
  readonly message?: string;
  readonly reason?: string;
}

/** Facts beside the code, for callers that go on from certain answers. */
export interface KubernetesErrorDetails {
  readonly status: number;
  readonly reason: string;
}

const QUOTA = /exceeded quota/i;
const BODY_CHARS_MAX = 300;
const CAUSES_MAX = 5;
const UNTRUSTED = /certificate|self.signed|ERR_TLS|UNABLE_TO_(VERIFY|GET)/i;

/**
 * The catalogue code of a reply that is no success.
 *
 * 404 without the reason `NotFound` comes from something in between. A webhook that cannot be asked answers 500 with `failed calling webhook`, and a controller's
 * refusal 403 or 400 with its own message, which ours keeps.
 */
function codeOf(action: string, status: number, { message = '', reason = '' }: Status): ErrorCode {
  if (status === 401) return 'CREDENTIALS_INVALID';
  if (status === 403 && QUOTA.test(message)) return 'QUOTA_EXCEEDED';
  // Admission controllers refuse with 403 too, but then the reason is not that of RBAC.
  if (status === 403 && /denied the request|admission/i.test(message)) return 'SPEC_REJECTED';
  if (status === 403 && /is being terminated/.test(message)) return 'SETTINGS_INVALID';
  if (status === 403) return 'ACCESS_DENIED';
  // Creating in a namespace that does not exist; reading there finds no object, like anywhere else.
  if (status === 404 && action.startsWith('POST') && message.startsWith('namespaces ')) {
    return 'SETTINGS_INVALID';
  }
  if (status === 404 && /could not find the requested resource/.test(message)) {
    return 'VERSION_UNSUPPORTED';
  }
  if (status === 404 && reason === 'NotFound') return 'NOT_FOUND';
  // A write that lost a race against another writer: the caller reads again.
  if (status === 409) return 'BACKEND_UNAVAILABLE';
  if (status === 429 || status >= 500) return 'BACKEND_UNAVAILABLE';
  if (status === 408 || status === 410) return 'BACKEND_UNAVAILABLE';
  return 'SPEC_REJECTED';
}

/** The error for a reply with this status; HTML and the like are REPLY_MALFORMED unless a 5xx or 429 says enough. */
export function errorOfReply(action: string, status: number, body: string): OrreryError {
  const parsed = parseStatus(body);
  const details: KubernetesErrorDetails = { status, reason: parsed?.reason ?? '' };
  if (parsed === null) {
    const unavailable = status === 429 || status >= 500;
    return new OrreryError(
      unavailable ? 'BACKEND_UNAVAILABLE' : 'REPLY_MALFORMED',
      `Cannot ${action}: the API server answered ${status} with ${JSON.stringify(shortened(body))}, wanted JSON`,
      { details: { ...details } },
    );
  }
  return new OrreryError(
    codeOf(action, status, parsed),
    `Cannot ${action}: the API server answered ${status}: ${parsed.message ?? parsed.reason ?? 'without a message'}`,
    { details: { ...details } },
  );
}

/** The error for a success that is not JSON. */
export function errorOfBody(action: string, status: number, body: string): OrreryError {
  return new OrreryError(
    'REPLY_MALFORMED',
    `Cannot ${action}: the API server answered ${status} with ${JSON.stringify(shortened(body))}, wanted JSON`,
    { details: { status, reason: '' } },
  );
}

/** The error for a call without a reply: refused, reset, timed out, or not trusted. */
export function errorOfCall(action: string, server: string, cause: unknown): OrreryError {
  const told = messagesOf(cause).join(': ');
  if (UNTRUSTED.test(told)) {
    return new OrreryError(
      'SETTINGS_INVALID',
      `Cannot ${action}: ${server} is not trusted (${told}), wanted its authority in the kubeconfig or in "caFile"`,
      { cause },
    );
  }
  return new OrreryError(
    'BACKEND_UNAVAILABLE',
    `Cannot ${action}: no answer from ${server} (${told})`,
    { cause },
  );
}

/** The error for credentials that could not even be made: an exec plugin or a token refresh that failed. */
export function errorOfCredentials(action: string, cause: unknown): OrreryError {
  return new OrreryError(
    'CREDENTIALS_INVALID',
    `Cannot ${action}: the kubeconfig's user gives no credentials (${messagesOf(cause)[0] ?? 'no reason'})`,
    { cause },
  );
}

/** Whether the API server itself said that there is no such object; a proxy's 404 does not count. */
export function isAbsent(error: unknown): boolean {
  return error instanceof OrreryError && error.code === 'NOT_FOUND';
}

function parseStatus(body: string): Status | null {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? (value as Status) : null;
  } catch {
    return null;
  }
}

function shortened(body: string): string {
  return body.length > BODY_CHARS_MAX ? `${body.slice(0, BODY_CHARS_MAX)}…` : body;
}

interface ErrorLike {
  readonly message: string;
  readonly code?: unknown;
  readonly cause?: unknown;
}

function isErrorLike(value: unknown): value is ErrorLike {
  return typeof value === 'object' && value !== null && 'message' in value;
}

/** An error's message with those of its causes: fetch itself says only "fetch failed". */
function messagesOf(cause: unknown): string[] {
  const messages: string[] = [];
  for (let at = cause; isErrorLike(at) && messages.length < CAUSES_MAX; at = at.cause) {
    const { message, code } = at;
    const told = typeof code === 'string' && !message.includes(code);
    messages.push(told ? `${message} (${code})` : message);
  }
  return messages.length > 0 ? messages : [String(cause)];
}
