import { gunzipSync } from 'node:zlib';

/**
 * What is wrong with the bytes of a model file, or null. SageMaker opens no model before a machine
 * does, so the two formats that we deploy are walked through here: a gzip archive to its checksum,
 * an ONNX file (protobuf) field by field to its last byte. A truncated file ends too soon in both.
 */
export function modelFileFault(bytes: Uint8Array): string | null {
  if (bytes.length === 0) return 'it is empty';
  return isGzip(bytes) ? gzipFault(bytes) : protobufFault(bytes);
}

/** The magic number of RFC 1952, section 2.3.1. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

function gzipFault(bytes: Uint8Array): string | null {
  try {
    gunzipSync(bytes);
    return null;
  } catch (error) {
    return `its gzip stream is damaged: ${(error as Error).message}`;
  }
}

/** ModelProto of onnx/onnx.proto: `graph` is field 7. */
const GRAPH_FIELD = 7n;

/** Wire types of protobuf.dev/programming-guides/encoding. */
function protobufFault(bytes: Uint8Array): string | null {
  let at = 0;
  let hasGraph = false;
  while (at < bytes.length) {
    const tag = varint(bytes, at);
    if (tag === null) return 'it ends inside a field';
    at = tag.next;
    const field = tag.value >> 3n;
    hasGraph ||= field === GRAPH_FIELD;
    const next = skipped(bytes, at, Number(tag.value & 7n));
    if (next === null || field === 0n) return 'it is neither ONNX nor a gzip archive';
    if (next > bytes.length) return `it ends ${next - bytes.length} bytes too soon`;
    at = next;
  }
  return hasGraph ? null : 'it is an ONNX file without a graph, or no ONNX file';
}

/** Where the value of a field ends; null for a wire type that does not exist. */
function skipped(bytes: Uint8Array, at: number, wireType: number): number | null {
  if (wireType === 1) return at + 8;
  if (wireType === 5) return at + 4;
  if (wireType !== 0 && wireType !== 2) return null;
  const value = varint(bytes, at);
  if (value === null) return bytes.length + 1;
  return wireType === 0 ? value.next : value.next + Number(value.value);
}

const VARINT_BYTES_MAX = 10;

function varint(bytes: Uint8Array, from: number): { value: bigint; next: number } | null {
  let value = 0n;
  for (let count = 0; count < VARINT_BYTES_MAX; count += 1) {
    const byte = bytes[from + count];
    if (byte === undefined) return null;
    value |= BigInt(byte & 0x7f) << BigInt(7 * count);
    if (byte < 0x80) return { value, next: from + count + 1 };
  }
  return null;
}
