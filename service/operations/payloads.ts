import { defaultPayloadConverter } from '@temporalio/common';
import type { Payload } from '@temporalio/common';

/**
 * What a payload of a description or of a history holds, as JSON. An encrypted payload is told as
 * such: its key is not here.
 */
export function payloadJson(payload: Payload | null | undefined): unknown {
  if (payload === null || payload === undefined) return null;
  try {
    return defaultPayloadConverter.fromPayload(payload) ?? null;
  } catch {
    return '(encoded)';
  }
}

/** ISO 8601 of a protobuf Timestamp; null when absent. */
export function timestampIso(
  timestamp: { seconds?: unknown; nanos?: number | null } | null | undefined,
): string | null {
  if (timestamp === null || timestamp === undefined) return null;
  const ms = Number(timestamp.seconds ?? 0) * 1000 + Math.floor((timestamp.nanos ?? 0) / 1e6);
  return new Date(ms).toISOString();
}

/** The innermost failure says what happened; the outer ones only where. */
export function failureText(failure: ProtoFailureLike | null | undefined): string | null {
  if (failure === null || failure === undefined) return null;
  let innermost = failure;
  while (innermost.cause) innermost = innermost.cause;
  const type = innermost.applicationFailureInfo?.type;
  return type ? `${type}: ${innermost.message ?? ''}` : (innermost.message ?? '');
}

/** The members of temporal.api.failure.v1.Failure that are read. */
interface ProtoFailureLike {
  readonly message?: string | null;
  readonly cause?: ProtoFailureLike | null;
  readonly applicationFailureInfo?: { readonly type?: string | null } | null;
}
