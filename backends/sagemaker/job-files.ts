import { digestOf } from '../../core/canonical.ts';
import { OrreryError } from '../../core/errors.ts';
import type { ArtifactRef } from '../../core/ports/artifacts.ts';
import type { JobIntent, JobSpec } from '../../core/ports/compute.ts';
import { z } from 'zod';
import { contentUri } from './artifacts.ts';
import type { FarSide } from './far-side.ts';
import { SCRIPT_CHANNEL, SCRIPT_NAME } from './job-script.ts';
import type { ContainerFolders } from './job-script.ts';
import { placeOf } from './store.ts';

/** A program of the settings with the rest of a job's command. */
export interface ResolvedProgram {
  readonly image: string;
  readonly command: readonly string[];
}

/** Longest value of a variable that both services take: 256 (ProcessingEnvironmentValue). */
const VARIABLE_LENGTH_MAX = 256;
const MANIFEST_NAME = 'outputs.json';

const manifestSchema = z.object({
  outputs: z.record(
    z.string(),
    z.object({
      uri: z.string(),
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
      bytes: z.int().min(0),
    }),
  ),
  metrics: z.record(z.string(), z.number()).optional(),
});

/** @throws OrreryError TOOL_MISSING naming the known words */
export function programOf(far: FarSide, [first = '', ...rest]: readonly string[]): ResolvedProgram {
  const { programs } = far.settings;
  const program = Object.hasOwn(programs, first) ? programs[first] : undefined;
  if (program !== undefined)
    return { image: program.image, command: [...program.command, ...rest] };
  throw new OrreryError(
    'TOOL_MISSING',
    `Cannot run "${first}": the settings of sagemaker know no such program, wanted one of ${Object.keys(programs).toSorted().join(', ') || '(none)'}`,
  );
}

/** Inputs must be where the service reads. @throws OrreryError SPEC_REJECTED */
export function checkInputs(inputs: JobSpec['inputs']): void {
  for (const [name, { uri }] of Object.entries(inputs)) {
    if (placeOf(uri) !== null) continue;
    throw new OrreryError(
      'SPEC_REJECTED',
      `Cannot hand the input "${name}" to SageMaker: it lies at ${uri}, wanted s3://…; keep artifacts on S3 for this backend`,
    );
  }
}

/** Folder of the files that a job starts from. */
export function filesUri(far: FarSide, key: string): string {
  return far.store.uri(`jobs/${key}`);
}
/** The service appends the name of the job. */
export function outputPath(far: FarSide): string {
  return far.store.uri('outputs');
}
export function checkpointUri(far: FarSide, scope: string | null): string | null {
  return scope === null ? null : far.store.uri(`checkpoints/${scope}`);
}

/** The entrypoint: the script, out of its channel; the job's command follows as arguments. */
export function scriptCommand({ channels }: ContainerFolders): string[] {
  return ['/bin/sh', `${channels}/${SCRIPT_CHANNEL}/${SCRIPT_NAME}`];
}

export async function putScript(far: FarSide, key: string, script: string): Promise<void> {
  await far.store.put(`${filesUri(far, key)}/${SCRIPT_NAME}`, script);
}

/** What a person sees in the console; the script sets everything, without a limit of length. */
export function environmentOf({ key, spec }: JobIntent): Record<string, string> {
  const variables = { ORRERY_JOB_KEY: key, ORRERY_OUTPUTS_JSON: JSON.stringify(spec.outputs) };
  return Object.fromEntries(
    Object.entries(variables).filter(([, value]) => value.length <= VARIABLE_LENGTH_MAX),
  );
}

/** What the manifest of a job says. */
export interface Manifest {
  readonly outputs: Readonly<Record<string, ArtifactRef>>;
}

/**
 * Reads the manifest and takes each output into the artifact store by a copy inside S3, which
 * computes the digest anew. Again, it finds them there.
 *
 * @returns what is wrong, in one sentence, when the outputs cannot be taken
 * @throws OrreryError when S3 does not answer
 */
export async function takeOutputs(far: FarSide, prefix: string): Promise<Manifest | string> {
  const uri = `${prefix}/${MANIFEST_NAME}`;
  const found = await far.store.text(uri);
  if (found === null) return `JOB_OUTPUT_MISSING: there is no manifest at ${uri}`;
  const parsed = manifestSchema.safeParse(jsonOf(found.text));
  if (!parsed.success) return `JOB_OUTPUT_MISSING: the manifest at ${uri} is malformed`;
  const outputs: Record<string, ArtifactRef> = {};
  for (const [name, output] of Object.entries(parsed.data.outputs)) {
    const taken = await takeOutput(far, name, output);
    if (typeof taken === 'string') return taken;
    outputs[name] = taken;
  }
  return { outputs };
}

async function takeOutput(
  far: FarSide,
  name: string,
  { uri, sha256, bytes }: ArtifactRef,
): Promise<ArtifactRef | string> {
  const ref = { uri: contentUri(far.store, sha256), sha256, bytes };
  if (uri === ref.uri || (await far.store.size(ref.uri)) === bytes) return ref;
  if ((await far.store.size(uri)) === null) {
    return `JOB_OUTPUT_MISSING: the output "${name}" is not at ${uri}`;
  }
  // Copied aside first: bytes that belie their digest must not lie under its name. Another reader
  // may be at the same place, so nothing is read from there.
  const aside = far.store.uri(`incoming/${digestOf(['output', uri])}`);
  const found = await far.store.copy(uri, aside);
  if (found === null || found === sha256) await far.store.copy(uri, ref.uri);
  await far.store.remove(aside);
  if (found === null || found === sha256) return ref;
  return `ARTIFACT_CORRUPT: the output "${name}" at ${uri} has the digest ${found}, its manifest says ${sha256}`;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
