import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { isErrorCode, OrreryError } from '../../../core/errors.ts';
import type { JobIntent, JobReading, JobStart } from '../../../core/ports/compute.ts';
import { waitUntil } from './ending.ts';
import { identify, isAlive } from './identity.ts';
import { GRACE_SECONDS_MAX, socketPath } from './protocol.ts';
import type { AgentHealth, AgentList, JobOrder, ServiceReading, ServiceSpec } from './protocol.ts';

/**
 * The host agent as its callers see it. Every method throws HOST_AGENT_DOWN, which is retryable,
 * when nobody answers on the socket.
 */
export interface AgentClient {
  /**
   * Starts the job or adopts it. `argv` is the intent's command resolved to programs of this machine.
   * @throws OrreryError NAME_TAKEN, TOOL_MISSING, ARTIFACT_MISSING, ARTIFACT_CORRUPT, DISK_FULL
   */
  startJob(intent: JobIntent, argv: readonly string[]): Promise<JobStart>;
  /** Answers as soon as `revision` exceeds `since`, or after `waitMs` (at most 60,000). */
  readJob(
    key: string,
    wait?: { readonly since: number; readonly waitMs: number },
  ): Promise<JobReading>;
  /** Sends SIGUSR1; returns when it is sent. A job that ended is left alone. */
  checkpointJob(key: string): Promise<void>;
  /** Returns the terminal reading after the process is gone. */
  stopJob(key: string): Promise<JobReading>;
  /**
   * Idempotent by name and digest of the spec; a service that exited is started afresh.
   * @throws OrreryError NAME_TAKEN when another spec runs under the name; TOOL_MISSING, DISK_FULL
   */
  startService(spec: ServiceSpec): Promise<ServiceReading>;
  readService(name: string): Promise<ServiceReading>;
  /** SIGTERM, the grace of its spec, SIGKILL; idempotent; returns when it is gone. */
  stopService(name: string): Promise<void>;
  health(): Promise<AgentHealth>;
  list(): Promise<AgentList>;
  /** Stops every job and service of the agent, then the agent; returns when they are gone. */
  shutdown(): Promise<void>;
}

/** Silence on the socket for so long means that the agent is down, milliseconds. */
const REPLY_MS_MAX = 15_000;
/** Stopping takes as long as the longest grace, and a reply. */
const STOP_MS_MAX = GRACE_SECONDS_MAX * 1000 + REPLY_MS_MAX;
/** Starting a job copies its inputs, which may be large. */
const START_MS_MAX = 600_000;

/** Each call is a connection of its own, so there is nothing to close and no stale connection. */
export function connectAgent(home: string): AgentClient {
  const path = socketPath(home);
  const call = <T>(method: string, url: string, body?: unknown, timeoutMs = REPLY_MS_MAX) =>
    exchange(path, { method, url, body, timeoutMs }) as Promise<T>;
  const job = (key: string) => `/jobs/${encodeURIComponent(key)}`;
  const service = (name: string) => `/services/${encodeURIComponent(name)}`;
  return {
    startJob: (intent, argv) =>
      call<JobStart>('POST', '/jobs', { intent, argv } satisfies JobOrder, START_MS_MAX),
    readJob: (key, wait) =>
      wait === undefined
        ? call<JobReading>('GET', job(key))
        : call<JobReading>(
            'GET',
            `${job(key)}?since=${wait.since}&waitMs=${wait.waitMs}`,
            undefined,
            REPLY_MS_MAX + wait.waitMs,
          ),
    checkpointJob: (key) => call<void>('POST', `${job(key)}/checkpoint`),
    stopJob: (key) => call<JobReading>('POST', `${job(key)}/stop`, undefined, STOP_MS_MAX),
    startService: (spec) => call<ServiceReading>('POST', '/services', spec),
    readService: (name) => call<ServiceReading>('GET', service(name)),
    stopService: (name) => call<void>('POST', `${service(name)}/stop`, undefined, STOP_MS_MAX),
    health: () => call<AgentHealth>('GET', '/health'),
    list: () => call<AgentList>('GET', '/list'),
    async shutdown() {
      const { pid } = await call<AgentHealth>('GET', '/health');
      const agent = identify(pid);
      await call<void>('POST', '/shutdown', undefined, STOP_MS_MAX);
      if (agent !== null) await waitUntil(() => !isAlive(agent), REPLY_MS_MAX);
    },
  };
}

interface Exchange {
  readonly method: string;
  readonly url: string;
  readonly body: unknown;
  readonly timeoutMs: number;
}

async function exchange(path: string, { method, url, body, timeoutMs }: Exchange) {
  const text = body === undefined ? '' : JSON.stringify(body);
  const { status, reply } = await new Promise<{ status: number; reply: string }>(
    (resolve, reject) => {
      const down = (cause: Error) => reject(agentDown(path, cause));
      const sent = request({
        socketPath: path,
        method,
        path: url,
        agent: false,
        timeout: timeoutMs,
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) },
      });
      sent.on('error', down);
      sent.on('timeout', () => sent.destroy(new Error(`no reply within ${timeoutMs} ms`)));
      sent.on('response', (response) => {
        textOf(response).then(
          (read) => resolve({ status: response.statusCode ?? 0, reply: read }),
          down,
        );
      });
      sent.end(text);
    },
  );
  const value: unknown = reply === '' ? undefined : JSON.parse(reply);
  if (status >= 400) throw errorOf(value);
  return value;
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function agentDown(path: string, cause: Error): OrreryError {
  return new OrreryError(
    'HOST_AGENT_DOWN',
    `Cannot reach the host agent on "${path}": ${cause.message}, wanted an answer`,
    { cause },
  );
}

function errorOf(value: unknown): OrreryError {
  const { code, message, details } = (value ?? {}) as Record<string, unknown>;
  return new OrreryError(isErrorCode(code) ? code : 'INTERNAL', String(message), {
    details: (details ?? {}) as Readonly<Record<string, unknown>>,
  });
}
