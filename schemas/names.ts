import { z } from 'zod';
import { PORT_NAMES } from '../core/backend.ts';
import type { PortName } from '../core/backend.ts';
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

/** Backends in the order in which they are tried. */
export const backendListSchema = z
  .array(nameSchema)
  .min(1)
  .max(10)
  .refine((names) => new Set(names).size === names.length, 'each backend is named once');

export const backendChoiceSchema = z.strictObject({
  default: nameSchema,
  ...(Object.fromEntries(PORT_NAMES.map((port) => [port, nameSchema.optional()])) as {
    readonly [Port in PortName]: z.ZodOptional<typeof nameSchema>;
  }),
  steps: z
    .strictObject({
      prepare: backendListSchema.optional(),
      train: backendListSchema.optional(),
      score: backendListSchema.optional(),
    })
    .optional(),
});

export const artifactRefSchema = z.strictObject({
  uri: z.string().min(1).max(2000),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, '64 lower-case hexadecimal digits'),
  bytes: z.int().min(0),
});
