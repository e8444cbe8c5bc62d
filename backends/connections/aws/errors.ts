import type { ErrorCode } from '../../../core/errors.ts';
import { OrreryError } from '../../../core/errors.ts';

/**
 * Names of errors as services of AWS send them, each with its code. Sources: “Common Errors” of the
 * SageMaker and S3 API references, and the errors that each operation there lists.
 */
const CODES: Readonly<Record<string, ErrorCode>> = {
  ExpiredToken: 'CREDENTIALS_INVALID',
  ExpiredTokenException: 'CREDENTIALS_INVALID',
  TokenRefreshRequired: 'CREDENTIALS_INVALID',
  RequestExpired: 'CREDENTIALS_INVALID',
  RequestTimeTooSkewed: 'CREDENTIALS_INVALID',
  UnrecognizedClientException: 'CREDENTIALS_INVALID',
  InvalidClientTokenId: 'CREDENTIALS_INVALID',
  InvalidAccessKeyId: 'CREDENTIALS_INVALID',
  InvalidSignatureException: 'CREDENTIALS_INVALID',
  SignatureDoesNotMatch: 'CREDENTIALS_INVALID',
  IncompleteSignature: 'CREDENTIALS_INVALID',
  MissingAuthenticationToken: 'CREDENTIALS_INVALID',
  MissingAuthenticationTokenException: 'CREDENTIALS_INVALID',
  CredentialsProviderError: 'CREDENTIALS_INVALID',
  TokenProviderError: 'CREDENTIALS_INVALID',
  AccessDenied: 'ACCESS_DENIED',
  AccessDeniedException: 'ACCESS_DENIED',
  AllAccessDisabled: 'ACCESS_DENIED',
  UnauthorizedOperation: 'ACCESS_DENIED',
  OptInRequired: 'ACCESS_DENIED',
  ResourceLimitExceeded: 'QUOTA_EXCEEDED',
  ServiceQuotaExceededException: 'QUOTA_EXCEEDED',
  CapacityError: 'CAPACITY_MISSING',
  InsufficientCapacity: 'CAPACITY_MISSING',
  InsufficientCapacityException: 'CAPACITY_MISSING',
  ValidationException: 'SPEC_REJECTED',
  ValidationError: 'SPEC_REJECTED',
  InvalidParameterValue: 'SPEC_REJECTED',
  InvalidParameterCombination: 'SPEC_REJECTED',
  MalformedQueryString: 'SPEC_REJECTED',
  SerializationException: 'SPEC_REJECTED',
  ResourceInUse: 'NAME_TAKEN',
  ResourceNotFound: 'NOT_FOUND',
  ResourceNotFoundException: 'NOT_FOUND',
  NoSuchBucket: 'NOT_FOUND',
  ConflictException: 'BACKEND_UNAVAILABLE',
  ThrottlingException: 'BACKEND_UNAVAILABLE',
  Throttling: 'BACKEND_UNAVAILABLE',
  TooManyRequestsException: 'BACKEND_UNAVAILABLE',
  RequestLimitExceeded: 'BACKEND_UNAVAILABLE',
  SlowDown: 'BACKEND_UNAVAILABLE',
  ServiceUnavailable: 'BACKEND_UNAVAILABLE',
  InternalFailure: 'BACKEND_UNAVAILABLE',
  InternalError: 'BACKEND_UNAVAILABLE',
  TimeoutError: 'BACKEND_UNAVAILABLE',
  AbortError: 'BACKEND_UNAVAILABLE',
  SyntaxError: 'REPLY_MALFORMED',
};

/** Codes of Node for connections that did not come about or broke. */
const NETWORK_ERRNO =
  /^(ECONN|EPIPE|ENOTFOUND|EAI_|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|CERT_|UNABLE_|SELF_SIGNED|DEPTH_ZERO|ERR_TLS|ERR_SSL|ERR_PROXY)/;

/** The same where the SDK has wrapped an error, of which it keeps the text alone. */
const NETWORK_TEXT =
  /\b(ECONN[A-Z]+|EPIPE|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH)\b|socket hang up/;

interface AwsFailure {
  readonly name: string;
  readonly message: string;
  readonly code: string;
  readonly status: number | undefined;
}

/** The parts of whatever the SDK threw. */
function failureOf(error: unknown): AwsFailure {
  if (typeof error !== 'object' || error === null) {
    return { name: '', message: String(error), code: '', status: undefined };
  }
  const { name, message, code, Code, errors, $metadata, $response } = error as {
    name?: string;
    message?: string;
    code?: string;
    Code?: string;
    errors?: readonly { code?: string; message?: string }[];
    $metadata?: { httpStatusCode?: number };
    $response?: { statusCode?: number };
  };
  // Node tells a host with several addresses that all refuse as one error with a list and no text.
  const first = errors?.[0];
  return {
    name: Code ?? name ?? '',
    message: message === undefined || message === '' ? (first?.message ?? '') : message,
    code: code ?? first?.code ?? '',
    status: $metadata?.httpStatusCode ?? $response?.statusCode,
  };
}

function codeOf({ name, message, code, status }: AwsFailure): ErrorCode {
  if (/Deserialization error/.test(message)) return 'REPLY_MALFORMED';
  if (Object.hasOwn(CODES, name)) return CODES[name] as ErrorCode;
  if (NETWORK_ERRNO.test(code)) return 'BACKEND_UNAVAILABLE';
  if (status === undefined) return NETWORK_TEXT.test(message) ? 'BACKEND_UNAVAILABLE' : 'INTERNAL';
  if (status === 429 || status >= 500) return 'BACKEND_UNAVAILABLE';
  if (status === 401) return 'CREDENTIALS_INVALID';
  if (status === 403) return 'ACCESS_DENIED';
  if (status === 404) return 'NOT_FOUND';
  return status >= 400 ? 'SPEC_REJECTED' : 'REPLY_MALFORMED';
}

/**
 * An error of the SDK as one of the catalogue; its own text and name are kept.
 *
 * @param action what could not be done, such as `start training job "j12"`
 */
export function awsError(error: unknown, action: string): OrreryError {
  if (error instanceof OrreryError) return error;
  const failure = failureOf(error);
  const { name, message, code, status } = failure;
  const told = [name, code === name ? '' : code, status === undefined ? '' : `HTTP ${status}`]
    .filter((part) => part !== '')
    .join(', ');
  return new OrreryError(codeOf(failure), `Cannot ${action}: ${message || 'no text'} (${told})`, {
    cause: error,
  });
}

/** Makes a call and translates what it throws. */
export async function asked<Reply>(action: string, call: Promise<Reply>): Promise<Reply> {
  try {
    return await call;
  } catch (error) {
    throw awsError(error, action);
  }
}

/** Whether an error, translated or not, has this name on AWS. */
export function isNamed(error: unknown, ...names: readonly string[]): boolean {
  return names.includes(failureOf(sourceOf(error)).name);
}

/**
 * Whether the far side says that it has no such thing. SageMaker documents ResourceNotFound, and
 * many of its Describe operations answer with a ValidationException of this text instead.
 */
export function isMissing(error: unknown): boolean {
  const { name, message } = failureOf(sourceOf(error));
  if (['ResourceNotFound', 'ResourceNotFoundException', 'NoSuchKey', 'NotFound'].includes(name))
    return true;
  return name === 'ValidationException' && /could not find|not found|does not exist/i.test(message);
}

function sourceOf(error: unknown): unknown {
  return error instanceof OrreryError ? error.cause : error;
}
