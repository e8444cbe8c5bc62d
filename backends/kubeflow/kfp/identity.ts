import { createHash } from 'node:crypto';

/** `deterministicUUIDNamespace` of backend/src/common/util/uuid.go: it "must never change". */
const NAMESPACE = 'c2f3a9d41e6b4c8a9f7d0b5e3a1c2d4f';

/**
 * The id that KFP gives to a run with a recurring run and a display name: a UUID of version 5
 * (RFC 9562, §5.5) over `<recurring run>/<display name>`, see CreateRun in resource_manager.go.
 * A run whose database row was lost is written by the persistence agent under this id, with the name of
 * its workflow in place of our key, so the id finds it when a search by name does not.
 */
export function runIdOf(recurringRunId: string, displayName: string): string {
  const hash = createHash('sha1')
    .update(Buffer.from(NAMESPACE, 'hex'))
    .update(`${recurringRunId}/${displayName}`)
    .digest();
  const bytes = Buffer.from(hash.subarray(0, 16));
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join('-');
}
