import { execFileSync } from 'node:child_process';
import { appendFileSync, chownSync, mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';

import { until } from '../../support/until.ts';
import type { AirflowPrograms } from './install.ts';
import { startGroup, type Started } from './processes.ts';

const DATABASE = 'postgres';
/** A database of a test is not to survive a power cut. */
const HASTY = ['fsync = off', 'synchronous_commit = off', 'full_page_writes = off'];

/** A running PostgreSQL with its data under `home`. */
export interface Postgres {
  readonly server: Started;
  /** For SQLAlchemy. */
  readonly url: string;
}

/** Starts an empty PostgreSQL on loopback and waits until it takes connections. */
export async function startPostgres(
  { postgres }: AirflowPrograms,
  home: string,
  port: number,
): Promise<Postgres> {
  const data = join(home, 'postgres');
  const user = unprivileged();
  mkdirSync(data, { mode: 0o700 });
  if (user !== undefined) chownSync(data, user.uid, user.gid);
  const env = { PATH: process.env['PATH'], LC_ALL: 'C' };
  const make = ['-D', data, '--username=airflow', '--auth=trust', '--encoding=UTF8', '--no-sync'];
  execFileSync(join(postgres, 'initdb'), make, { stdio: 'ignore', env, cwd: home, ...user });
  const lines = [
    "listen_addresses = '127.0.0.1'",
    `port = ${port}`,
    `unix_socket_directories = '${data}'`,
    'max_connections = 150',
    ...HASTY,
  ];
  appendFileSync(join(data, 'postgresql.conf'), `${lines.join('\n')}\n`);
  const log = join(home, 'logs', 'postgres.log');
  const options = { log, env, cwd: home, user };
  const server = startGroup('postgres', join(postgres, 'postgres'), ['-D', data], options);
  await until('PostgreSQL listens', () => answers(port));
  return { server, url: `postgresql+psycopg2://airflow@127.0.0.1:${port}/${DATABASE}` };
}

/** PostgreSQL refuses to run as root: then it is Debian's own user for it, or nobody. */
function unprivileged(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string) => {
    try {
      return Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8', stdio: 'pipe' }));
    } catch {
      return Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));
    }
  };
  return { uid: id('-u'), gid: id('-g') };
}

/** Whether something listens on the port. */
export function answers(port: number): Promise<true | null> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(null));
  });
}
