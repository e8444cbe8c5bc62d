/**
 * gRPC statuses of Google Cloud → codes of the catalogue
 * (https://google.aip.dev/193, https://grpc.io/docs/guides/status-codes/).
 */
import { OrreryError } from '../../../core/errors.ts';
import type { ErrorCode } from '../../../core/errors.ts';

export const GRPC_STATUS = {
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;
export type GrpcStatus = keyof typeof GRPC_STATUS;

const CODE_BY_STATUS: Readonly<Record<GrpcStatus, ErrorCode>> = {
  CANCELLED: 'BACKEND_UNAVAILABLE',
  UNKNOWN: 'BACKEND_UNAVAILABLE',
  INVALID_ARGUMENT: 'SPEC_REJECTED',
  DEADLINE_EXCEEDED: 'BACKEND_UNAVAILABLE',
  NOT_FOUND: 'NOT_FOUND',
  ALREADY_EXISTS: 'NAME_TAKEN',
  PERMISSION_DENIED: 'ACCESS_DENIED',
  RESOURCE_EXHAUSTED: 'QUOTA_EXCEEDED',
  FAILED_PRECONDITION: 'SPEC_REJECTED',
  ABORTED: 'BACKEND_UNAVAILABLE',
  OUT_OF_RANGE: 'SPEC_REJECTED',
  UNIMPLEMENTED: 'OPERATION_UNSUPPORTED',
  INTERNAL: 'BACKEND_UNAVAILABLE',
  UNAVAILABLE: 'BACKEND_UNAVAILABLE',
  DATA_LOSS: 'BACKEND_UNAVAILABLE',
  UNAUTHENTICATED: 'CREDENTIALS_INVALID',
};
const STATUS_BY_NUMBER = new Map<number, GrpcStatus>(
  Object.entries(GRPC_STATUS).map(([name, number]) => [number, name as GrpcStatus]),
);

/** Words of google-auth when its chain finds nothing, or finds something that is no longer good. */
const CREDENTIAL_TEXT =
  /default credentials|invalid_grant|invalid_rapt|invalid_client|refresh access token|no credentials|private key|reauth/i;
/** Words of Compute Engine when a zone has no such machine: they come as RESOURCE_EXHAUSTED too. */
const STOCK_OUT_TEXT =
  /stock.?out|ZONE_RESOURCE_POOL_EXHAUSTED|insufficient capacity|resources are insufficient|not have enough resources|resource pool exhausted/i;

/** The gRPC status of an error of Google's client, or null for an error of another origin. */
export function statusOf(error: unknown): GrpcStatus | null {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'number' ? (STATUS_BY_NUMBER.get(code) ?? null) : null;
}

export function isStatus(error: unknown, ...wanted: readonly GrpcStatus[]): boolean {
  const status = statusOf(error);
  return status !== null && wanted.includes(status);
}

/** The far side's own words, without the status that gRPC puts before them. */
export function toldBy(error: unknown): string {
  const { details, message } = (error ?? {}) as { details?: unknown; message?: unknown };
  const text = typeof details === 'string' && details !== '' ? details : message;
  return typeof text === 'string' ? text : String(error);
}

/** The code for a status and what was told beside it; an error without status is one of the network. */
export function codeOf(status: GrpcStatus | null, told: string): ErrorCode {
  if (CREDENTIAL_TEXT.test(told) && (status === null || CREDENTIAL_STATUSES.includes(status))) {
    return 'CREDENTIALS_INVALID';
  }
  if (STOCK_OUT_TEXT.test(told) && status !== 'INVALID_ARGUMENT') return 'CAPACITY_MISSING';
  return status === null ? 'BACKEND_UNAVAILABLE' : CODE_BY_STATUS[status];
}
const CREDENTIAL_STATUSES: readonly GrpcStatus[] = ['UNAUTHENTICATED', 'UNAVAILABLE', 'UNKNOWN'];

/**
 * An error of Google's client as one of the catalogue, its words and itself kept.
 *
 * @param action what could not be done, such as `start the job j12`
 */
export function googleError(action: string, error: unknown): OrreryError {
  if (error instanceof OrreryError) return error;
  const status = statusOf(error);
  const told = toldBy(error);
  return new OrreryError(
    codeOf(status, told),
    `Cannot ${action}: Google Cloud answers ${status ?? 'nothing'} (${told})`,
    { cause: error },
  );
}
