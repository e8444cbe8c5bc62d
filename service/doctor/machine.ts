import { execFile } from 'node:child_process';
import { access, constants, mkdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { missing, ok } from './finding.ts';
import type { Finding } from './finding.ts';

/** A program that says its version does so at once. */
const PROGRAM_MS_MAX = 10_000;
/** What the Python environment, the server's database and some models need together. */
const DISK_GIB_MIN = 3;
const NODE_MIN = [22, 18] as const;
const GIB = 2 ** 30;

export async function checkSystem(): Promise<Finding> {
  return process.platform === 'linux'
    ? ok('Linux', `${process.platform} ${process.arch}`)
    : missing('Linux', process.platform, 'run Orrery on Linux, or in a Linux container');
}

export async function checkNode(): Promise<Finding> {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const fits = major > NODE_MIN[0] || (major === NODE_MIN[0] && minor >= NODE_MIN[1]);
  return fits
    ? ok('Node.js', process.versions.node)
    : missing(
        'Node.js',
        process.versions.node,
        `run make setup, which brings ≥ ${NODE_MIN.join('.')}`,
      );
}

/** A program that answers `--version`. */
export async function checkProgram(
  subject: string,
  path: string,
  action: string,
): Promise<Finding> {
  try {
    const { stdout, stderr } = await run(path, ['--version']);
    return ok(subject, (stdout || stderr).trim().split('\n')[0] ?? '');
  } catch (error) {
    return missing(subject, reasonOf(error), action);
  }
}

/** The environment of programs needs a Python that can make one: 3.11 or later, with venv. */
export async function checkPython(): Promise<Finding> {
  const script =
    'import sys, venv, ensurepip; print(sys.version.split()[0]); sys.exit(sys.version_info < (3, 11))';
  try {
    const { stdout } = await run('python3', ['-c', script]);
    return ok('Python with venv', stdout.trim());
  } catch (error) {
    return missing(
      'Python with venv',
      reasonOf(error),
      'install Python 3.11 or later with venv (Debian: python3 python3-venv)',
    );
  }
}

export async function checkHome(home: string): Promise<readonly Finding[]> {
  try {
    await mkdir(home, { recursive: true });
    await access(home, constants.W_OK);
  } catch (error) {
    return [
      missing('ORRERY_HOME', `${home}: ${reasonOf(error)}`, 'set ORRERY_HOME to a folder of yours'),
    ];
  }
  const { bavail, bsize } = await statfs(home);
  const freeGib = (bavail * bsize) / GIB;
  const told = `${freeGib.toFixed(1)} GiB free`;
  return [
    ok('ORRERY_HOME', home),
    freeGib >= DISK_GIB_MIN
      ? ok('disk space', told)
      : missing('disk space', told, `free ${DISK_GIB_MIN} GiB where ORRERY_HOME lies`),
  ];
}

/** What `make setup` installs into the environment under ORRERY_HOME. */
export async function checkEnvironment(home: string): Promise<readonly Finding[]> {
  const bin = join(home, 'venv', 'bin');
  return Promise.all([
    checkProgram('Python environment', join(bin, 'python'), 'run make setup'),
    checkProgram('Temporal server', join(bin, 'temporal'), 'run make setup'),
    checkProgram('Envoy', join(bin, 'envoy'), 'run make setup'),
  ]);
}

function run(path: string, args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  return promisify(execFile)(path, [...args], { timeout: PROGRAM_MS_MAX });
}

function reasonOf(error: unknown): string {
  const { code, stderr, message } = error as { code?: unknown; stderr?: string; message: string };
  if (code === 'ENOENT') return 'not found';
  return stderr?.trim().split('\n').at(-1) || message;
}
