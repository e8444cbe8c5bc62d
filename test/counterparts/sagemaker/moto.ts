/**
 * moto as a server: installed into the cache, started once, attached to by whoever finds its state
 * file. It plays SageMaker and S3; layer/ stands in front of it for what it lacks.
 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

import { cacheDir, cacheKey, cacheRoot } from '../../support/cache.ts';
import { until } from '../../support/until.ts';

const REQUIREMENTS = join(import.meta.dirname, 'requirements.txt');
/** moto imports every service that it knows when the first call comes. */
const START_MS_MAX = 60_000;

export interface RunningMoto {
  readonly url: string;
  readonly pid: number;
}

const stateFile = () => join(cacheRoot(), 'run', 'moto.json');

/** Installs what is missing. Returns the folder of moto's programs. */
export function installMoto(): string {
  const requirements = readFileSync(REQUIREMENTS, 'utf8');
  const python = execFileSync('python3', ['--version'], { encoding: 'utf8' }).trim();
  const venv = cacheDir('moto', cacheKey(requirements, python, process.arch));
  const marker = join(venv, '.installed');
  if (!existsSync(marker)) {
    run('python3', ['-m', 'venv', '--clear', venv]);
    const pip = ['install', '--quiet', '--disable-pip-version-check'];
    run(join(venv, 'bin/pip'), [...pip, '--require-hashes', '--no-deps', '-r', REQUIREMENTS]);
    writeFileSync(marker, '');
  }
  return join(venv, 'bin');
}

/** The running moto, started if there is none. */
export async function ensureMoto(): Promise<RunningMoto> {
  const found = await findMoto();
  if (found !== null) return found;
  const bin = installMoto();
  const port = await freePort();
  mkdirSync(join(cacheRoot(), 'run'), { recursive: true });
  const log = openSync(join(cacheRoot(), 'run', 'moto.log'), 'w');
  const words = ['-H', '127.0.0.1', '-p', String(port)];
  // Its own process group: it outlives a test run that only attached to it.
  const child = spawn(join(bin, 'moto_server'), words, {
    detached: true,
    stdio: ['ignore', log, log],
  });
  child.unref();
  const moto = { url: `http://127.0.0.1:${port}`, pid: child.pid! };
  writeFileSync(stateFile(), JSON.stringify(moto));
  await until('moto answers', async () => ((await answers(moto.url)) ? moto : null), START_MS_MAX);
  return moto;
}

/** Ends moto, if it runs; idempotent. */
export async function stopMoto(): Promise<void> {
  const found = await findMoto();
  if (found !== null) {
    process.kill(-found.pid, 'SIGTERM');
    await until('moto is gone', async () => ((await answers(found.url)) ? null : true));
  }
  rmSync(stateFile(), { force: true });
}

async function findMoto(): Promise<RunningMoto | null> {
  if (!existsSync(stateFile())) return null;
  const moto = JSON.parse(readFileSync(stateFile(), 'utf8')) as RunningMoto;
  return (await answers(moto.url)) ? moto : null;
}

async function answers(url: string): Promise<boolean> {
  const reply = await fetch(`${url}/moto-api/data.json`).catch(() => null);
  await reply?.arrayBuffer();
  return reply?.ok === true;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function run(program: string, words: readonly string[]): void {
  execFileSync(program, words, { stdio: ['ignore', 'ignore', 'inherit'] });
}
