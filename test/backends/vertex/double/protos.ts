import { createRequire } from 'node:module';
import protobuf from 'protobufjs';

const require = createRequire(import.meta.url);

/** Google's own protos, as its client's package carries them, options included. */
export const ROOT = protobuf.Root.fromJSON(
  require('@google-cloud/aiplatform/build/protos/protos.json') as protobuf.INamespace,
);
ROOT.resolveAll();

export const V1 = 'google.cloud.aiplatform.v1';
export const OPERATIONS = 'google.longrunning.Operations';

/** A message as a plain object: enums by name, 64-bit numbers as strings, absent members absent. */
export type Message = Record<string, unknown>;

const PLAIN = { enums: String, longs: String, bytes: Buffer } as const;

export function decode(type: protobuf.Type, bytes: Uint8Array): Message {
  return type.toObject(type.decode(bytes), PLAIN);
}

export function encode(type: protobuf.Type, message: Message): Buffer {
  return Buffer.from(type.encode(type.fromObject(message)).finish());
}

/** `google.protobuf.Any` around a message of the given type. */
export function anyOf(typeName: string, message: Message): Message {
  return {
    type_url: `type.googleapis.com/${typeName}`,
    value: encode(ROOT.lookupType(typeName), message),
  };
}

/** `google.protobuf.Struct` and `Value` → plain JSON. */
export function jsonOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return null;
  const message = value as Message;
  if ('fields' in message) {
    const fields = Object.entries((message['fields'] ?? {}) as Message);
    return Object.fromEntries(fields.map(([name, member]) => [name, jsonOf(member)]));
  }
  if ('structValue' in message)
    return jsonOf({ fields: {}, ...(message['structValue'] as Message) });
  if ('listValue' in message) {
    return (((message['listValue'] as Message)['values'] ?? []) as unknown[]).map(jsonOf);
  }
  const [kind, plain] = Object.entries(message)[0] ?? ['nullValue', null];
  return kind === 'nullValue' ? null : plain;
}

export function timestamp(ms: number): Message {
  const seconds = Math.floor(ms / 1000);
  return { seconds: String(seconds), nanos: Math.floor((ms - seconds * 1000) * 1e6) };
}
