import { OrreryError, type ErrorCode } from '../../../core/errors.ts';

/** Codes of google.rpc.Code, as the gateway of KFP puts them into a body. */
const RPC: Readonly<Record<number, ErrorCode>> = {
  3: 'SPEC_REJECTED',
  4: 'BACKEND_UNAVAILABLE',
  5: 'NOT_FOUND',
  6: 'NAME_TAKEN',
  7: 'ACCESS_DENIED',
  8: 'QUOTA_EXCEEDED',
  9: 'SPEC_REJECTED',
  10: 'SPEC_REJECTED',
  14: 'BACKEND_UNAVAILABLE',
  16: 'CREDENTIALS_INVALID',
};
const HTTP: Readonly<Record<number, ErrorCode>> = {
  400: 'SPEC_REJECTED',
  401: 'CREDENTIALS_INVALID',
  403: 'ACCESS_DENIED',
  404: 'NOT_FOUND',
  409: 'NAME_TAKEN',
  422: 'SPEC_REJECTED',
  429: 'BACKEND_UNAVAILABLE',
};
/** Characters of the far side's text that are kept. */
const TOLD_MAX = 600;

/** A refusal of KFP's API. `told` is its own message, or the start of a body that is no JSON. */
export interface Refusal {
  readonly status: number;
  /** google.rpc.Code of the body; null without one. */
  readonly rpcCode: number | null;
  readonly told: string;
}

/**
 * Refusal → code of the catalogue. KFP answers many mistakes of the caller with 500 and
 * google.rpc.INTERNAL (it wraps them in NewInternalServerError), so its text decides there.
 */
export function refusalCode({ status, rpcCode, told }: Refusal): ErrorCode {
  if (/exceeded quota/i.test(told)) return 'QUOTA_EXCEEDED';
  if (status >= 300 && status < 400) return 'CREDENTIALS_INVALID';
  if (status === 429) return 'BACKEND_UNAVAILABLE';
  if (rpcCode !== null && RPC[rpcCode] !== undefined) return RPC[rpcCode];
  if (status >= 500) {
    if (/ResourceNotFoundError|\bnot found\b/i.test(told)) return 'NOT_FOUND';
    if (/Invalid input error|invalid pipeline job inputs|failed to validate/i.test(told)) {
      return 'SPEC_REJECTED';
    }
    return 'BACKEND_UNAVAILABLE';
  }
  return HTTP[status] ?? 'REPLY_MALFORMED';
}

/** @param action `start run "j…" of Kubeflow Pipelines`: what could not be done */
export function refused(action: string, refusal: Refusal): OrreryError {
  const told = refusal.told.slice(0, TOLD_MAX) || 'it gave no reason';
  const redirect = refusal.status >= 300 && refusal.status < 400 ? ' (a redirect to a login)' : '';
  return new OrreryError(
    refusalCode(refusal),
    `Cannot ${action}: Kubeflow Pipelines answers ${refusal.status}${redirect}: ${told}`,
    { details: { status: refusal.status } },
  );
}

/** Whether an error leaves it open if the far side did, or still does, what it was asked to do. */
export function isAmbiguous(error: unknown): boolean {
  return (
    error instanceof OrreryError &&
    error.details['sent'] !== false &&
    error.details['status'] !== 429 &&
    (error.code === 'BACKEND_UNAVAILABLE' || error.code === 'REPLY_MALFORMED')
  );
}

export function hasCode(error: unknown, code: ErrorCode): error is OrreryError {
  return error instanceof OrreryError && error.code === code;
}
