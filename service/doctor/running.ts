import { request } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { OrreryError } from '../../core/errors.ts';
import { readUp } from '../home.ts';
import { readApiSettings } from '../http/settings.ts';
import { absent, missing, ok } from './finding.ts';
import type { Finding } from './finding.ts';

type Env = Readonly<Record<string, string | undefined>>;

const ANSWER_MS_MAX = 2_000;
const START = 'start it with make up';

export async function checkEngine(env: Env): Promise<Finding> {
  const subject = 'Temporal server answers';
  try {
    const { ensureReachable, openEngine } = await import('../connect.ts');
    const engine = await openEngine(env);
    try {
      await ensureReachable(engine);
      return ok(subject, `${engine.address}, namespace ${engine.namespace}`);
    } finally {
      await engine.close();
    }
  } catch (error) {
    return absent(subject, (error as Error).message, START);
  }
}

/** The host agent owns the processes of this machine; any answer on its socket means it lives. */
export async function checkHostAgent(home: string): Promise<Finding> {
  const socketPath = join(home, 'agent.sock');
  const answer = await statusOf({ socketPath, path: '/' });
  return answer === null
    ? absent('host agent answers', `silence on ${socketPath}`, START)
    : ok('host agent answers', socketPath);
}

/** The port of the API is either ours already or free. */
export async function checkApi(env: Env, home: string): Promise<Finding> {
  const subject = 'HTTP API';
  try {
    const up = await readUp(home);
    const settings = readApiSettings(env);
    const url = new URL(up?.apiUrl ?? `http://${settings.host}:${settings.port}`);
    const port = Number(url.port);
    if ((await statusOf({ host: url.hostname, port, path: '/healthz' })) === 200) {
      return ok(subject, `answers at ${url.origin}`);
    }
    const free = await isFree(url.hostname, port);
    return free
      ? absent(subject, `nothing at ${url.origin}, the port is free`, START)
      : missing(
          subject,
          `another process listens on ${url.host}`,
          'end that process, or set ORRERY_API_PORT',
        );
  } catch (error) {
    const told = error instanceof OrreryError ? error.message : String(error);
    return missing(subject, told, 'correct the settings that it names');
  }
}

function statusOf(target: {
  readonly socketPath?: string;
  readonly host?: string;
  readonly port?: number;
  readonly path: string;
}): Promise<number | null> {
  return new Promise((resolve) => {
    const call = request({ ...target, timeout: ANSWER_MS_MAX }, (response) => {
      response.resume();
      resolve(response.statusCode ?? null);
    });
    call.on('timeout', () => call.destroy());
    call.on('error', () => resolve(null));
    call.end();
  });
}

function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ host, port }, () => probe.close(() => resolve(true)));
  });
}
