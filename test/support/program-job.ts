import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pythonProgram } from './tools.ts';

/** How a process ended, with all that it wrote. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program of an example under the job contract of docs/jobs.md, without any backend. */
export interface ProgramJob {
  readonly child: ChildProcess;
  readonly ended: Promise<Ending>;
  output(name: string): string;
  progress(): { step: number; steps: number; message: string } | null;
}

export interface ProgramJobOptions {
  readonly command: readonly [string, ...string[]];
  /** A fresh folder of this job. */
  readonly folder: string;
  /** Files for the input folder. */
  readonly inputs: readonly string[];
  readonly params: unknown;
  readonly checkpoints?: string;
}

export async function startProgram(options: ProgramJobOptions): Promise<ProgramJob> {
  const { command, folder, inputs, params, checkpoints } = options;
  const [input, output] = [join(folder, 'input'), join(folder, 'output')];
  await mkdir(input, { recursive: true });
  await mkdir(output, { recursive: true });
  for (const path of inputs) await copyFile(path, join(input, basename(path)));
  await writeFile(join(folder, 'params.json'), JSON.stringify(params));
  if (checkpoints !== undefined) await mkdir(checkpoints, { recursive: true });
  const progressFile = join(folder, 'progress.json');
  const child = spawn(command[0], command.slice(1), {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      OMP_NUM_THREADS: '1',
      PYTHONDONTWRITEBYTECODE: '1',
      ORRERY_JOB_KEY: 'j0',
      ORRERY_INPUT_DIR: input,
      ORRERY_OUTPUT_DIR: output,
      ORRERY_PARAMS_FILE: join(folder, 'params.json'),
      ORRERY_PROGRESS_FILE: progressFile,
      ORRERY_GRACE_SECONDS: '20',
      ...(checkpoints === undefined ? {} : { ORRERY_CHECKPOINT_DIR: checkpoints }),
    },
  });
  return {
    child,
    ended: endingOf(child),
    output: (name) => join(output, name),
    progress: () =>
      existsSync(progressFile) ? JSON.parse(readFileSync(progressFile, 'utf8')) : null,
  };
}

export async function runProgram(
  options: ProgramJobOptions,
): Promise<ProgramJob & { readonly ending: Ending }> {
  const job = await startProgram(options);
  return { ...job, ending: await job.ended };
}

/** Runs Python with arguments and returns what it prints; an exit code but 0 is an error. */
export async function python(...args: readonly string[]): Promise<string> {
  const ending = await endingOf(
    spawn(pythonProgram(), args, { stdio: ['ignore', 'pipe', 'pipe'] }),
  );
  if (ending.code !== 0) throw new Error(`python ended with ${ending.code}: ${ending.stderr}`);
  return ending.stdout;
}

export function endingOf(child: ChildProcess): Promise<Ending> {
  let [stdout, stderr] = ['', ''];
  child.stdout?.on('data', (chunk) => (stdout += chunk));
  child.stderr?.on('data', (chunk) => (stderr += chunk));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

/** Names of the checkpoints in a folder, oldest first. */
export function checkpointsIn(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder);
  return names.filter((name) => name.endsWith('.pickle')).toSorted();
}
