import { z } from 'zod';
import type { ArtifactRef } from '../../../core/ports/artifacts.ts';

/** docs/jobs.md, “On a far side”: how a program tells its outputs. */
const manifest = z.object({
  outputs: z.record(
    z.string(),
    z.object({
      uri: z.string().min(1),
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
      bytes: z.int().min(0),
    }),
  ),
});

export type ManifestReading =
  | { readonly outputs: Readonly<Record<string, ArtifactRef>> }
  /** Why the program did not do what it declared. */
  | { readonly fault: string };

/** The declared outputs from a program's manifest; what else is in it is dropped. */
export function readManifest(
  text: string | undefined,
  declared: readonly string[],
): ManifestReading {
  if (declared.length === 0) return { outputs: {} };
  if (text === undefined || text === '') {
    return { fault: `it told no outputs, wanted a manifest with ${declared.join(', ')}` };
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { fault: `its manifest is not JSON: ${JSON.stringify(text.slice(0, 200))}` };
  }
  const read = manifest.safeParse(value);
  if (!read.success) {
    const [issue] = read.error.issues;
    return { fault: `its manifest is wrong at ${issue?.path.join('.')}: ${issue?.message}` };
  }
  const { outputs } = read.data;
  const missing = declared.filter((name) => !Object.hasOwn(outputs, name));
  if (missing.length > 0) return { fault: `its manifest lacks ${missing.join(', ')}` };
  return { outputs: Object.fromEntries(declared.map((name) => [name, outputs[name]!])) };
}
