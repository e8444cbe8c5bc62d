import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { OrreryError } from '../../core/errors.ts';
import type { JobIntent } from '../../core/ports/compute.ts';
import { quoted } from './host.ts';

const RUN_SCRIPT = readFileSync(join(import.meta.dirname, 'run.sh'), 'utf8');
/** Names that become files on the host: no slash, nothing that a shell or a listing would take apart. */
const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/;
/** What a program gets of the host's environment, as on the `local` backend. */
const INHERITED = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TMPDIR', 'TZ', 'USER', 'LOGNAME'];

/**
 * The files of a new job's folder, as a shell script that writes them, and its digest: a connection
 * that breaks in the middle brings no half folder.
 *
 * @throws OrreryError SPEC_REJECTED for names that cannot be files
 */
export function payloadOf(
  { key, specDigest, spec }: JobIntent,
  root: string,
): { readonly text: string; readonly sha256: string } {
  const job = `${root}/jobs/${checked(key, 'the key')}`;
  const inputs = Object.entries(spec.inputs);
  const scope = spec.checkpointScope;
  const checkpoints = scope === null ? null : `${root}/checkpoints/${checked(scope, 'the scope')}`;
  const environment = {
    ORRERY_JOB_KEY: key,
    ORRERY_INPUT_DIR: `${job}/inputs`,
    ORRERY_OUTPUT_DIR: `${job}/outputs`,
    ...(checkpoints === null ? {} : { ORRERY_CHECKPOINT_DIR: checkpoints }),
    ORRERY_PARAMS_FILE: `${job}/params.json`,
    ORRERY_PROGRESS_FILE: `${job}/progress.json`,
    ORRERY_GRACE_SECONDS: String(spec.graceSeconds),
  };
  const { graceSeconds, timeoutSeconds } = spec;
  const limitMs = Math.ceil(timeoutSeconds * 1000);
  const files = {
    spec: specDigest,
    labels: Buffer.from(JSON.stringify(spec.labels)).toString('base64'),
    wanted: lines(inputs.map(([name, ref]) => `${ref.sha256} ${checked(name, 'the input')}`)),
    promised: lines(spec.outputs.map((name) => checked(name, 'the output'))),
    limits: `${graceSeconds} ${timeoutSeconds} ${limitMs}\n`,
    checkpoints: checkpoints ?? '',
    'params.json': JSON.stringify(spec.params),
    'command.sh': commandScript(spec.command, environment, checkpoints),
    'run.sh': RUN_SCRIPT,
  };
  const text = Object.entries(files)
    .map(([name, content]) => `printf %s ${quoted(content)} >${quoted(name)} || exit\n`)
    .join('');
  return { text, sha256: createHash('sha256').update(text).digest('hex') };
}

/** The program in an environment of its own; its number is written before it begins. */
function commandScript(
  command: readonly string[],
  environment: Readonly<Record<string, string>>,
  checkpoints: string | null,
): string {
  const inherited = INHERITED.map((name) => `\${${name}+"${name}=$${name}"}`).join(' ');
  const own = Object.entries(environment).map(([name, value]) => quoted(`${name}=${value}`));
  return [
    'echo $$ >pid.new && mv pid.new pid',
    ...(checkpoints === null ? [] : [`mkdir -p ${quoted(checkpoints)}`]),
    'cd work || exit',
    `exec env -i ${inherited} ${own.join(' ')} ${command.map(quoted).join(' ')}`,
    '',
  ].join('\n');
}

/** @throws OrreryError SPEC_REJECTED */
export function checked(name: string, what: string): string {
  if (FILE_NAME.test(name)) return name;
  throw new OrreryError(
    'SPEC_REJECTED',
    `Cannot put ${what} "${name}" on the host: it must match ${FILE_NAME.source}`,
  );
}

const lines = (each: readonly string[]) => each.map((line) => `${line}\n`).join('');
