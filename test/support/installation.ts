import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { connectAgent } from '../../backends/local/agent/client.ts';
import { PROJECT_ROOT } from '../../workers/home.ts';
import type { UpRecord } from '../../workers/up.ts';
import { temporalProgram } from './tools.ts';

/** What a program printed and how it ended. */
export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

type Env = Readonly<Record<string, string>>;

/** A home as a person has it, used through the programs that a person types. */
export interface Installation {
  readonly home: string;
  /** What `up` wrote. */
  record(): UpRecord;
  up(env?: Env): Promise<Ran>;
  down(): Promise<Ran>;
  /** `./orrery …` */
  orrery(...args: readonly string[]): Promise<Ran>;
  /** The same, for a command that must succeed; what it printed as JSON. */
  orreryJson<T>(...args: readonly string[]): Promise<T>;
  /** The Temporal CLI, which must succeed; what it printed. */
  temporal(...args: readonly string[]): Promise<string>;
  /** Ends everything and removes the home. */
  remove(): Promise<void>;
}

const NODE = join(PROJECT_ROOT, 'node_modules', '.bin', 'node');

/** Names of variables that belong to whoever runs the tests. */
const FOREIGN = /^(ORRERY_|TEMPORAL_|NODE_OPTIONS$|JEST_)/;

/**
 * An empty home with the virtual environment of this machine linked into it.
 *
 * @param env for every program of this installation
 */
export function anInstallation(env: Env = {}, { venv = true } = {}): Installation {
  // Short, because unix sockets lie in it.
  const home = mkdtempSync(join(tmpdir(), 'oi-'));
  if (venv) symlinkSync(dirname(dirname(temporalProgram())), join(home, 'venv'));
  const run = (program: string, args: readonly string[], more: Env = {}) =>
    ran(program, args, {
      ...foreignless(),
      ORRERY_HOME: home,
      ORRERY_PORTS: 'free',
      ...env,
      ...more,
    });
  const record = () => JSON.parse(readFileSync(join(home, 'run', 'up.json'), 'utf8')) as UpRecord;
  const orrery = (...args: readonly string[]) => run(join(PROJECT_ROOT, 'orrery'), args);
  const down = () => run(NODE, [join(PROJECT_ROOT, 'workers', 'down.ts')]);
  return {
    home,
    record,
    up: (more) => run(NODE, [join(PROJECT_ROOT, 'workers', 'up.ts')], more),
    down,
    orrery,
    orreryJson: async <T>(...args: readonly string[]) =>
      JSON.parse(succeeded(await orrery(...args, '--json')).stdout) as T,
    temporal: async (...args) => {
      const address = ['--address', record().temporalAddress];
      return succeeded(await run(temporalProgram(), [...args, ...address])).stdout;
    },
    remove: async () => {
      await down();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** The result of a program that has to succeed. */
export function succeeded(result: Ran): Ran {
  if (result.code !== 0) {
    throw new Error(`a program ended with ${result.code}: ${result.stdout}${result.stderr}`);
  }
  return result;
}

/** Runs a program to its end. */
export function ran(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args], {
      cwd: PROJECT_ROOT,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const told = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => (told.stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (told.stderr += text));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, ...told }));
  });
}

/** The environment of whoever runs the tests, without what would lead to another installation. */
export function foreignless(): Record<string, string> {
  const kept = Object.entries(process.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !FOREIGN.test(entry[0]),
  );
  return { ...Object.fromEntries(kept), NODE_NO_WARNINGS: '1', NO_COLOR: '1' };
}

/** Names of the workers that run for a home, as its host agent knows them. */
export async function workersIn(home: string): Promise<string[]> {
  const { services } = await connectAgent(home).list();
  const names = services.filter(({ phase }) => phase === 'running').map(({ name }) => name);
  return names.filter((name) => name.startsWith('worker-')).sort();
}

/** Processes that name the home on their command line or in their environment, read from /proc. */
export function processesOf(home: string): { readonly pid: number; readonly command: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((name) => {
      const command = contentOf(`/proc/${name}/cmdline`).replaceAll('\0', ' ').trim();
      const environment = contentOf(`/proc/${name}/environ`);
      // What has ended and was not reaped yet has neither.
      return `${command}\0${environment}`.includes(home) ? [{ pid: Number(name), command }] : [];
    });
}

function contentOf(path: string): string {
  try {
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  } catch {
    // It ended in between, or it is another user's.
    return '';
  }
}
