import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

import { cacheDir, cacheKey } from '../../support/cache.ts';

const REQUIREMENTS = join(import.meta.dirname, 'requirements.txt');
/** Where Debian puts the servers of its versions, which are not on the path. */
const DEBIAN_SERVERS = '/usr/lib/postgresql';
const DEBIAN_CLUSTERS = '/etc/postgresql-common/createcluster.conf';

/** Programs of an installed counterpart. */
export interface AirflowPrograms {
  /** Folder with `airflow` and `python`. */
  readonly bin: string;
  /** Folder with `initdb` and `postgres`. */
  readonly postgres: string;
  /** Changes with the versions of both. */
  readonly key: string;
}

/** Installs what is missing: Airflow into a virtual environment in the cache, PostgreSQL from Debian. */
export function ensureInstalled(): AirflowPrograms {
  const requirements = readFileSync(REQUIREMENTS, 'utf8');
  const python = execFileSync('python3', ['--version'], { encoding: 'utf8' }).trim();
  const venv = cacheDir('airflow', cacheKey(requirements, python, process.arch));
  const marker = join(venv, '.installed');
  if (!existsSync(marker)) {
    run('python3', ['-m', 'venv', '--clear', venv]);
    const pip = ['install', '--quiet', '--disable-pip-version-check'];
    run(join(venv, 'bin/pip'), [...pip, '--require-hashes', '--no-deps', '-r', REQUIREMENTS]);
    writeFileSync(marker, '');
  }
  const postgres = postgresFolder() ?? installPostgres();
  const version = execFileSync(join(postgres, 'postgres'), ['--version'], { encoding: 'utf8' });
  return { bin: join(venv, 'bin'), postgres, key: cacheKey(requirements, version) };
}

function postgresFolder(): string | undefined {
  const versions = existsSync(DEBIAN_SERVERS) ? readdirSync(DEBIAN_SERVERS).toSorted() : [];
  const onPath = (process.env['PATH'] ?? '').split(delimiter);
  const debian = versions.reverse().map((version) => join(DEBIAN_SERVERS, version, 'bin'));
  return [...debian, ...onPath].find((folder) => existsSync(join(folder, 'initdb')));
}

/** Debian's package would start a server of its own; told not to, it only brings the programs. */
function installPostgres(): string {
  run('apt-get', ['update', '-qq']);
  const install = ['install', '-y', '-qq', '--no-install-recommends'];
  run('apt-get', [...install, 'postgresql-common']);
  const clusters = readFileSync(DEBIAN_CLUSTERS, 'utf8');
  writeFileSync(DEBIAN_CLUSTERS, `${clusters}\ncreate_main_cluster = false\n`);
  run('apt-get', [...install, 'postgresql']);
  const folder = postgresFolder();
  if (folder === undefined) throw new Error('Cannot find initdb after installing postgresql');
  return folder;
}

function run(program: string, words: readonly string[]): void {
  execFileSync(program, words, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
}
