/** The smallest file with the shape of an ONNX model: an IR version, a producer and a graph. */
export function onnxBytes(name: string): Uint8Array {
  const text = (field: number, value: string) => {
    const bytes = new TextEncoder().encode(value);
    return [(field << 3) | 2, bytes.length, ...bytes];
  };
  const graph = text(2, name);
  return new Uint8Array([8, 8, ...text(2, 'test'), (7 << 3) | 2, graph.length, ...graph]);
}
