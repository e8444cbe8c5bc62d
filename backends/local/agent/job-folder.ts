/**
 * The folder of a job, `<home>/jobs/<key>/`: the files of process-folder.ts and
 *
 * - `spec.json`      the intent; there from the first moment, because the folder is made under
 *                    another name and renamed when whole: rename(2) refuses a folder that has content
 * - `stop.json`      the job was asked to end, and why; there before the first signal
 * - `result.json`    the terminal reading; there once the outputs are in the store
 * - `input/ output/ params.json progress.json job.log`  see docs/jobs.md
 */
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OrreryError } from '../../../core/errors.ts';
import type { JobIntent, JobReading, JobSpec } from '../../../core/ports/compute.ts';
import { stageContent } from '../content-store.ts';
import { diskError, errnoOf, temporaryName, writeWhole } from '../disk.ts';
import { checkProgram, environmentWith, PROCESS_FILE, readRecord } from './process-folder.ts';
import type { ProcessSpec } from './process-folder.ts';
import { GRACE_SECONDS_MAX } from './protocol.ts';
import type { JobOrder } from './protocol.ts';

export const STOP_FILE = 'stop.json';
export const RESULT_FILE = 'result.json';
export const PROGRESS_FILE = 'progress.json';
const SPEC_FILE = 'spec.json';
/** Keys and scopes are names of folders. */
const KEY_PATTERN = /^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/;
const FILE_PATTERN = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$/;

/** Why a job was asked to end. */
export type StopReason = 'cancel' | 'timeout' | 'shutdown';

export function jobFolder(home: string, key: string): string {
  return join(home, 'jobs', checkedName(key, KEY_PATTERN, 'job key'));
}

export function jobLogPath(folder: string): string {
  return join(folder, 'job.log');
}

export function readIntent(folder: string): JobIntent | null {
  return readRecord<JobIntent>(folder, SPEC_FILE);
}

export function readResult(folder: string): JobReading | null {
  return readRecord<JobReading>(folder, RESULT_FILE);
}

/** Keys of all jobs that were ever started here and not removed. */
export async function jobKeys(home: string): Promise<readonly string[]> {
  const names = await readdir(join(home, 'jobs')).catch(() => [] as string[]);
  return names.filter((name) => KEY_PATTERN.test(name));
}

/**
 * Makes the folder of a job with its inputs, or answers false because it exists.
 *
 * @throws OrreryError TOOL_MISSING, ARTIFACT_MISSING, ARTIFACT_CORRUPT, DISK_FULL, REQUEST_INVALID
 */
export async function createJobFolder(home: string, { intent, argv }: JobOrder): Promise<boolean> {
  const { spec } = intent;
  checkSpec(spec);
  const folder = jobFolder(home, intent.key);
  checkProgram(argv, folder);
  const building = join(home, 'jobs', temporaryName());
  try {
    await mkdir(join(building, 'input'), { recursive: true });
    await mkdir(join(building, 'output'));
    if (spec.checkpointScope !== null) {
      await mkdir(checkpointFolder(home, spec.checkpointScope), { recursive: true });
    }
    for (const [name, ref] of Object.entries(spec.inputs)) {
      await stageContent(home, ref, join(building, 'input', name));
    }
    await writeFile(join(building, 'params.json'), JSON.stringify(spec.params));
    await writeFile(
      join(building, PROCESS_FILE),
      JSON.stringify(processSpec(home, folder, { intent, argv })),
    );
    await writeWhole(join(building, SPEC_FILE), JSON.stringify(intent));
    await rename(building, folder);
    return true;
  } catch (error) {
    await rm(building, { recursive: true, force: true });
    if (['ENOTEMPTY', 'EEXIST'].includes(errnoOf(error) ?? '')) return false;
    throw diskError(folder, error);
  }
}

/** Removes folders that a dead agent left half-made; only the one agent of a home makes any. */
export async function sweepHalfMade(home: string): Promise<void> {
  const jobs = join(home, 'jobs');
  const names = await readdir(jobs).catch(() => [] as string[]);
  for (const name of names.filter((each) => each.startsWith('.new-'))) {
    await rm(join(jobs, name), { recursive: true, force: true });
  }
}

/** One folder for all attempts of a step. */
export function checkpointFolder(home: string, scope: string): string {
  return join(home, 'checkpoints', checkedName(scope, KEY_PATTERN, 'checkpoint scope'));
}

function processSpec(home: string, folder: string, { intent, argv }: JobOrder): ProcessSpec {
  const { spec } = intent;
  return {
    argv,
    cwd: folder,
    logPath: jobLogPath(folder),
    env: environmentWith({
      ORRERY_JOB_KEY: intent.key,
      ORRERY_INPUT_DIR: join(folder, 'input'),
      ORRERY_OUTPUT_DIR: join(folder, 'output'),
      ORRERY_PARAMS_FILE: join(folder, 'params.json'),
      ORRERY_PROGRESS_FILE: join(folder, PROGRESS_FILE),
      ORRERY_GRACE_SECONDS: String(spec.graceSeconds),
      ...(spec.checkpointScope === null
        ? {}
        : { ORRERY_CHECKPOINT_DIR: checkpointFolder(home, spec.checkpointScope) }),
    }),
  };
}

function checkSpec(spec: JobSpec): void {
  for (const name of [...Object.keys(spec.inputs), ...spec.outputs]) {
    checkedName(name, FILE_PATTERN, 'file name');
  }
  if (!(spec.graceSeconds >= 0 && spec.graceSeconds <= GRACE_SECONDS_MAX)) {
    throw new OrreryError(
      'REQUEST_INVALID',
      `Cannot start a job with a grace of ${spec.graceSeconds} s: it is 0–${GRACE_SECONDS_MAX}`,
    );
  }
  if (!(spec.timeoutSeconds > 0)) {
    throw new OrreryError(
      'REQUEST_INVALID',
      `Cannot start a job with a limit of ${spec.timeoutSeconds} s: it is more than 0`,
    );
  }
}

function checkedName(name: string, pattern: RegExp, what: string): string {
  if (pattern.test(name)) return name;
  throw new OrreryError(
    'REQUEST_INVALID',
    `Cannot use "${name}" as a ${what}: it must match ${pattern.source}`,
  );
}
