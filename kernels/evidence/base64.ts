/**
 * Decodes base64 (RFC 4648, section 4) strictly: null unless the text is exactly what encoding the
 * bytes gives. Node skips characters that it does not know, so many texts would decode to the same
 * bytes, and a changed envelope would pass for the signed one.
 */
export function decodeBase64(text: string): Uint8Array | null {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? new Uint8Array(bytes) : null;
}

export function encodeBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}
