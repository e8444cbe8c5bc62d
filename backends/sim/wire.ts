/**
 * The language between a world and its callers in other processes: one JSON value a line, bytes as
 * `{"$bytes": "<base64>"}`. Every reply carries the world's time, because `Clock.now` cannot wait.
 */
import { isErrorCode, OrreryError } from '../../core/errors.ts';

export interface WireCall {
  readonly id: number;
  /** `port.method`, or `clock.sleep` with its milliseconds, or `clock.cancel` with the id of a sleep. */
  readonly call: string;
  readonly args: readonly unknown[];
}
export interface WireError {
  readonly code: string;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}
export interface WireReply {
  readonly id: number;
  /** Milliseconds since 1970, virtual. */
  readonly now: number;
  readonly result?: unknown;
  readonly error?: WireError;
}

/** Longest line in characters: an artifact of about 48 MiB. */
export const LINE_LENGTH_MAX = 64 * 1024 * 1024;

const BYTES = '$bytes';

export function encodeLine(value: WireCall | WireReply): string {
  return `${JSON.stringify(withoutBytes(value))}\n`;
}

export function decodeLine<Value extends WireCall | WireReply>(line: string): Value {
  return JSON.parse(line, (_, member: unknown) => {
    if (member === null || typeof member !== 'object' || !(BYTES in member)) return member;
    return new Uint8Array(Buffer.from((member as Record<string, string>)[BYTES] ?? '', 'base64'));
  }) as Value;
}

export function encodeError(error: unknown): WireError {
  return error instanceof OrreryError
    ? { code: error.code, message: error.message, details: error.details }
    : { code: 'INTERNAL', message: String(error), details: {} };
}

export function decodeError({ code, message, details }: WireError): OrreryError {
  return new OrreryError(isErrorCode(code) ? code : 'INTERNAL', message, { details });
}

/**
 * Cuts a stream of chunks into lines.
 *
 * @throws RangeError for a line over LINE_LENGTH_MAX, so that a stranger on the socket cannot fill the memory
 */
export function lineReader(onLine: (line: string) => void): (chunk: string) => void {
  let parts: string[] = [];
  let length = 0;
  return (chunk) => {
    const lines = chunk.split('\n');
    for (const [at, part] of lines.entries()) {
      parts.push(part);
      length += part.length;
      if (length > LINE_LENGTH_MAX) {
        throw new RangeError(
          `Cannot read a line: it has ${length} characters, at most ${LINE_LENGTH_MAX} are allowed`,
        );
      }
      if (at === lines.length - 1) return;
      onLine(parts.join(''));
      parts = [];
      length = 0;
    }
  };
}

// JSON.stringify would turn bytes into an object of numbers before a replacer sees them.
function withoutBytes(value: unknown): unknown {
  if (ArrayBuffer.isView(value)) {
    const { buffer, byteOffset, byteLength } = value;
    return {
      [BYTES]: Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength).toString('base64'),
    };
  }
  if (Array.isArray(value)) return value.map(withoutBytes);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, withoutBytes(member)]),
  );
}
