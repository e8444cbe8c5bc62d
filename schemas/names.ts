import { z } from 'zod';
import { NAME_PATTERN, VERSION_PATTERN } from '../core/ids.ts';

export const nameSchema = z
  .string()
  .regex(
    NAME_PATTERN,
    'a lower-case letter, then letters, digits or hyphens, 40 characters at most',
  );
export const versionSchema = z
  .string()
  .regex(
    VERSION_PATTERN,
    'lower-case letters, digits, dots, hyphens, underscores, 40 characters at most',
  );
/** A person, by the name under which approvers are enrolled. */
export const personSchema = z.string().trim().min(1).max(200);
export const reasonSchema = z.string().max(2000);

export const backendChoiceSchema = z.strictObject({
  default: nameSchema,
  artifacts: nameSchema.optional(),
  compute: nameSchema.optional(),
  metrics: nameSchema.optional(),
  models: nameSchema.optional(),
  prices: nameSchema.optional(),
  serving: nameSchema.optional(),
  signer: nameSchema.optional(),
  traffic: nameSchema.optional(),
});

export const artifactRefSchema = z.strictObject({
  uri: z.string().min(1).max(2000),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, '64 lower-case hexadecimal digits'),
  bytes: z.int().min(0),
});
