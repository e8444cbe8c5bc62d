/**
 * Long-running operations. Their names live on the far side: whoever comes after a crash lists those of
 * the resource that are not done, and waits for them by name.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { OrreryError } from '../../core/errors.ts';
import type { ErrorCode } from '../../core/errors.ts';
import { codeOf, GRPC_STATUS } from '../connections/google/errors.ts';
import type { GrpcStatus } from '../connections/google/errors.ts';
import type { VertexApi } from './calls.ts';
import type { Operation } from './messages.ts';

export interface Patience {
  readonly pollMs: number;
  /** Milliseconds since 1970 after which nobody waits any longer. */
  readonly untilAt: number;
}

/** Vertex AI's words when the server of a model does not come up with the file that it was given. */
const MODEL_TEXT = /model server (never became ready|exited unexpectedly)/i;

/**
 * An operation that finds its result there, made by another caller, counts as done.
 *
 * @throws OrreryError for an operation that failed; BACKEND_UNAVAILABLE when it is not done in time
 */
export async function waitForOperation(
  api: VertexApi,
  action: string,
  operation: Operation,
  { pollMs, untilAt }: Patience,
): Promise<void> {
  const name = operation.name ?? '';
  let seen: Operation | null = operation;
  while (seen !== null && seen.done !== true) {
    if (Date.now() >= untilAt) {
      throw new OrreryError(
        'BACKEND_UNAVAILABLE',
        `Cannot ${action} in time: the operation ${name} still runs, wanted it done; the next try waits for the same one`,
      );
    }
    await sleep(pollMs);
    seen = await api.operations.get(name);
  }
  if (seen?.error && seen.error.code !== GRPC_STATUS.ALREADY_EXISTS)
    throw operationError(action, name, seen.error);
}

/** Waits until nothing runs on the resource; how those operations end is for their starters to say. */
export async function waitUntilIdle(
  api: VertexApi,
  resource: string,
  patience: Patience,
): Promise<void> {
  for (const operation of await api.operations.running(resource)) {
    try {
      await waitForOperation(api, `wait for ${resource}`, operation, patience);
    } catch (error) {
      if (Date.now() >= patience.untilAt) throw error;
    }
  }
}

function operationError(
  action: string,
  name: string,
  error: { readonly code?: number | null; readonly message?: string | null },
): OrreryError {
  const told = error.message ?? '';
  const status = STATUS_BY_NUMBER.get(error.code ?? 0) ?? null;
  const code: ErrorCode = MODEL_TEXT.test(told) ? 'MODEL_INVALID' : codeOf(status, told);
  return new OrreryError(code, `Cannot ${action}: the operation ${name} failed (${told})`, {
    cause: error,
  });
}
const STATUS_BY_NUMBER = new Map<number, GrpcStatus>(
  Object.entries(GRPC_STATUS).map(([name, number]) => [number, name as GrpcStatus]),
);
