import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { cacheDir, cacheKey } from '../../support/cache.ts';

const file = (name: string) => join(import.meta.dirname, name);
const PINS = ['requirements-build.txt', 'requirements.txt'].map(file);
const PROGRAM = file('contract.py');

/** The official client, installed, and the contract that was read back from it. */
export interface InstalledKfp {
  readonly python: string;
  /** JSON file: see contract.py. */
  readonly contract: string;
}

/** Installs what is missing into a virtual environment in the cache. */
export function ensureKfpClient(): InstalledKfp {
  const pins = PINS.map((path) => readFileSync(path, 'utf8')).join('');
  const version = execFileSync('python3', ['--version'], { encoding: 'utf8' }).trim();
  const venv = cacheDir('kfp', cacheKey(pins + readFileSync(PROGRAM, 'utf8'), version));
  const python = join(venv, 'bin/python');
  const contract = join(venv, 'contract.json');
  if (existsSync(contract)) return { python, contract };
  run('python3', ['-m', 'venv', '--clear', venv]);
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
  for (const path of PINS) {
    run(python, [...pip, '--require-hashes', '--no-deps', '--no-build-isolation', '-r', path]);
  }
  const read = execFileSync(python, [PROGRAM], { encoding: 'utf8', maxBuffer: 2 ** 26 });
  writeFileSync(contract, read);
  return { python, contract };
}

function run(program: string, words: readonly string[]): void {
  execFileSync(program, words, { stdio: ['ignore', 'ignore', 'inherit'] });
}
