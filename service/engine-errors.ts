import type { Client } from '@temporalio/client';
import { isErrorCode, OrreryError } from '../core/errors.ts';
import type { ErrorCode } from '../core/errors.ts';

/** Milliseconds that a question to the server may take, retries of the connection included. */
export const QUESTION_MS_MAX = 5_000;
/** Milliseconds that an Update may take: a worker has to pick it up and may verify a signature. */
export const ORDER_MS_MAX = 15_000;
/** Milliseconds for a run's own status: a description is shown without it when no worker answers. */
export const STATUS_MS_MAX = 3_000;
/** Causes that are looked through for a code; deeper chains do not occur. */
const CAUSES_MAX = 12;

/**
 * Runs calls to Temporal under one deadline and turns whatever they throw into an error of the
 * catalogue.
 *
 * @param action what is being done, for the message: `show lifecycle/fraud/v1`
 */
export async function askEngine<T>(
  client: Client,
  action: string,
  calls: () => Promise<T>,
  msMax: number = QUESTION_MS_MAX,
): Promise<T> {
  try {
    return await client.withDeadline(Date.now() + msMax, calls);
  } catch (error) {
    throw engineError(error, action);
  }
}

/**
 * Translates an error of the Temporal client. Classes are told apart by their names: the SDK marks
 * them so that two copies of it in one process agree.
 */
export function engineError(error: unknown, action: string): OrreryError {
  if (error instanceof OrreryError) return error;
  const chain = causesOf(error);
  const failure = chain.find((cause) => isErrorCode(cause['type']));
  if (failure !== undefined) {
    return new OrreryError(failure['type'] as ErrorCode, String(failure['message']), {
      cause: error,
    });
  }
  const ended = chain.some((cause) => /already completed/i.test(String(cause['message'])));
  if (ended) {
    return new OrreryError('ORDER_REFUSED', `Cannot ${action}: the run has ended`, {
      cause: error,
    });
  }
  const names = chain.map((cause) => String(cause['name']));
  const known = names.map((name) => CODE_BY_CLASS[name]).find((code) => code !== undefined);
  const code = known ?? codeOfGrpc(chain);
  return new OrreryError(code, `Cannot ${action}: ${stateOf(code, chain)}`, { cause: error });
}

const CODE_BY_CLASS: Readonly<Record<string, ErrorCode>> = {
  WorkflowNotFoundError: 'NOT_FOUND',
  ScheduleNotFoundError: 'NOT_FOUND',
  NamespaceNotFoundError: 'SETTINGS_INVALID',
  WorkflowExecutionAlreadyStartedError: 'ALREADY_RUNNING',
  ScheduleAlreadyRunning: 'ALREADY_RUNNING',
  WorkflowUpdateRPCTimeoutOrCancelledError: 'ENGINE_UNREACHABLE',
};

/** gRPC status codes (google.golang.org/grpc/codes). */
const GRPC: Readonly<Record<number, ErrorCode>> = {
  1: 'ENGINE_UNREACHABLE', // CANCELLED
  3: 'REQUEST_INVALID', // INVALID_ARGUMENT
  4: 'ENGINE_UNREACHABLE', // DEADLINE_EXCEEDED
  5: 'NOT_FOUND', // NOT_FOUND
  6: 'ALREADY_RUNNING', // ALREADY_EXISTS
  7: 'FORBIDDEN', // PERMISSION_DENIED
  8: 'ENGINE_UNREACHABLE', // RESOURCE_EXHAUSTED
  9: 'ENGINE_UNREACHABLE', // FAILED_PRECONDITION: no worker polls for the query
  14: 'ENGINE_UNREACHABLE', // UNAVAILABLE
  16: 'FORBIDDEN', // UNAUTHENTICATED
};

function codeOfGrpc(chain: readonly Record<string, unknown>[]): ErrorCode {
  const grpc = chain.find((cause) => typeof cause['code'] === 'number');
  if (grpc === undefined) return 'INTERNAL';
  const details = String(grpc['details'] ?? grpc['message']);
  if (grpc['code'] === 3 && /search attribute/i.test(details)) return 'SETTINGS_INVALID';
  return GRPC[grpc['code'] as number] ?? 'INTERNAL';
}

function stateOf(code: ErrorCode, chain: readonly Record<string, unknown>[]): string {
  const innermost = chain.at(-1);
  const told = String(innermost?.['details'] ?? innermost?.['message'] ?? 'no reason was given');
  switch (code) {
    case 'NOT_FOUND':
      return 'nothing exists under this name';
    case 'ALREADY_RUNNING':
      return 'something exists under this name already';
    case 'SETTINGS_INVALID':
      return `${told}; \`orrery setup\` registers what Orrery needs`;
    case 'ENGINE_UNREACHABLE':
      return silenceOf(chain, told);
    default:
      return told;
  }
}

/** A server that is down and a server without workers need different things to be started. */
function silenceOf(chain: readonly Record<string, unknown>[], told: string): string {
  const codes = chain.map((cause) => cause['code']);
  if (codes.includes(9)) return `no worker polls for it (${told})`;
  if (codes.includes(4) || codes.includes(1)) {
    return 'no answer in time from the server, or from a worker behind it';
  }
  return `the server does not answer (${told})`;
}

function causesOf(error: unknown): Record<string, unknown>[] {
  const chain: Record<string, unknown>[] = [];
  let cause: unknown = error;
  while (typeof cause === 'object' && cause !== null && chain.length < CAUSES_MAX) {
    chain.push(cause as Record<string, unknown>);
    cause = (cause as { cause?: unknown }).cause;
  }
  return chain;
}
