/**
 * A real OpenSSH server on loopback, as the user who runs the tests: its own configuration, host key,
 * port and login key, in a folder that is removed with it. Nothing of it is a double; what it is not
 * is another machine, so host and worker share clock and disk.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

import { freePort } from '../../../workers/ports.ts';
import { until } from '../../support/until.ts';
import { ensureInstalled } from './install.ts';

/** Where a server that runs as root puts its unprivileged child. */
const PRIVILEGE_SEPARATION = '/run/sshd';

export interface SshServer {
  readonly port: number;
  readonly user: string;
  readonly identityFile: string;
  readonly knownHostsFile: string;
  /** Everything of this server; hosts' folders may lie in it. */
  readonly folder: string;
  readonly pid: number;
}

export async function startServer(): Promise<SshServer> {
  const program = ensureInstalled();
  const folder = mkdtempSync(join(tmpdir(), 'orrery-sshd-'));
  const path = (name: string) => join(folder, name);
  const { username, uid } = userInfo();
  if (uid === 0) mkdirSync(PRIVILEGE_SEPARATION, { recursive: true, mode: 0o755 });
  for (const name of ['host', 'login']) {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', path(name)]);
  }
  const port = await freePort();
  const hostKey = readFileSync(path('host.pub'), 'utf8').split(' ').slice(0, 2).join(' ');
  writeFileSync(path('known_hosts'), `[127.0.0.1]:${port} ${hostKey}\n`);
  const configuration = {
    ListenAddress: '127.0.0.1',
    Port: port,
    HostKey: path('host'),
    // Each call is a login, and many jobs are watched at once.
    MaxStartups: 200,
    AuthorizedKeysFile: path('login.pub'),
    PidFile: 'none',
    PasswordAuthentication: 'no',
    PermitRootLogin: 'prohibit-password',
    // The folder belongs to the tests and not to the login.
    StrictModes: 'no',
    UsePAM: 'no',
  };
  const lines = Object.entries(configuration).map(([name, value]) => `${name} ${value}\n`);
  writeFileSync(path('sshd_config'), lines.join(''));
  // In the foreground, as the leader of a group of its own, so that all of it can be ended.
  const child = spawn(program, ['-D', '-f', path('sshd_config'), '-E', path('sshd.log')], {
    detached: true,
    stdio: 'ignore',
  });
  child.unref();
  const server = {
    port,
    user: username,
    identityFile: path('login'),
    knownHostsFile: path('known_hosts'),
    folder,
    pid: child.pid!,
  };
  await until('the SSH server listens', async () => ((await answers(server)) ? true : null));
  return server;
}

/** Whether it takes connections. */
export function answers({ port }: SshServer): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    const tell = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('data', () => tell(true));
    socket.once('error', () => tell(false));
    socket.once('close', () => tell(false));
  });
}

/** Ends the server, what it runs for its connections, and its folder. Jobs live in sessions of their own. */
export function stopServer({ pid, folder }: SshServer): void {
  try {
    process.kill(-pid, 'SIGTERM');
  } catch {
    // It is gone already.
  }
  rmSync(folder, { recursive: true, force: true });
}
