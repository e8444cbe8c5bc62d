/**
 * A deep copy of JSON values and bytes. What crosses the border of the world is copied, so that
 * nobody outside can change what is inside, and in-memory use is not laxer than use over a socket.
 */
export function copyValue<Value>(value: Value): Value {
  if (ArrayBuffer.isView(value)) {
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength).slice() as Value;
  }
  if (Array.isArray(value)) return value.map(copyValue) as Value;
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, copyValue(member)]),
  ) as Value;
}
