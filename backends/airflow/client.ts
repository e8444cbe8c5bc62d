import { readFileSync } from 'node:fs';
import { Agent, ProxyAgent, request, type Dispatcher } from 'undici';
import { z } from 'zod';
import { OrreryError } from '../../core/errors.ts';
import { findLogin } from './credentials.ts';
import { endOf, refusal, type Reply } from './errors.ts';
import type { AirflowSettings } from './settings.ts';

/** Values of a query; those that are undefined are left out, a list repeats its name. */
export type Query = Readonly<
  Record<string, string | number | boolean | readonly string[] | undefined>
>;

/** One call. `path` is a template of the served OpenAPI, such as `/dags/{dag_id}/dagRuns`. */
export interface Call {
  /** What the message of an error says could not be done: `start "fraud"`. */
  readonly action: string;
  readonly method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly at?: Readonly<Record<string, string | number>>;
  readonly query?: Query;
  readonly body?: unknown;
  /** Sent without a token: what the server tells everybody. */
  readonly open?: boolean;
}

/** The REST API v2 of one Airflow, as one user. */
export interface AirflowClient {
  /**
   * Sends the call and returns what is no failure of the way there: any 2xx, 400, 404, 409, 422.
   *
   * @throws OrreryError BACKEND_UNAVAILABLE (no answer, 429, 5xx), REPLY_MALFORMED (no JSON),
   * CREDENTIALS_INVALID, ACCESS_DENIED
   */
  send(call: Call): Promise<Reply>;
  /** `send` for calls where anything but success is an error; checks the reply. */
  ask<Schema extends z.ZodType>(call: Call, schema: Schema): Promise<z.output<Schema>>;
  close(): Promise<void>;
}

const API = '/api/v2';
const RETURNED = new Set([400, 404, 409, 422]);
const tokenSchema = z.object({ access_token: z.string().min(1) });

/** Opening talks to nobody; the first call logs in. */
export function createClient(settings: AirflowSettings): AirflowClient {
  const dispatcher = createDispatcher(settings);
  let token: Promise<string> | null = null;

  const logIn = async (): Promise<string> => {
    const login = await findLogin(settings);
    const call: Call = { action: 'log in to Airflow', method: 'POST', path: '/auth/token' };
    const reply = await exchange(settings, dispatcher, { ...call, body: login }, null);
    if (reply.status >= 400 && reply.status < 500) {
      throw refusal(`log in to Airflow as "${login.username}"`, reply, 'CREDENTIALS_INVALID');
    }
    if (reply.status >= 300) throw refusal('log in to Airflow', reply);
    return checked(call, reply, tokenSchema).access_token;
  };
  /** One login for all who need it at once; a failed one is not remembered. */
  const freshToken = (): Promise<string> => {
    const login = logIn();
    token = login;
    login.catch(() => {
      if (token === login) token = null;
    });
    return login;
  };

  const send = async (call: Call): Promise<Reply> => {
    if (call.open === true) return usable(call, await exchange(settings, dispatcher, call, null));
    const used = token ?? freshToken();
    let reply = await exchange(settings, dispatcher, call, await used);
    if (reply.status === 401) {
      // Tokens end after a day by default, and with every change of the server's secret.
      const renewed = token === used ? freshToken() : (token ?? freshToken());
      reply = await exchange(settings, dispatcher, call, await renewed);
    }
    return usable(call, reply);
  };
  const ask = async <Schema extends z.ZodType>(call: Call, schema: Schema) => {
    const reply = await send(call);
    if (reply.status >= 300) throw refusal(call.action, reply);
    return checked(call, reply, schema);
  };
  return { send, ask, close: () => dispatcher.close() };
}

function usable(call: Call, reply: Reply): Reply {
  if (reply.status < 300 || RETURNED.has(reply.status)) return reply;
  throw refusal(call.action, reply);
}

function createDispatcher({ caFile, proxy }: AirflowSettings): Dispatcher {
  let ca: string | undefined;
  try {
    ca = caFile === null ? undefined : readFileSync(caFile, 'utf8');
  } catch (cause) {
    throw new OrreryError('SETTINGS_INVALID', `Cannot read the authority ${caFile}`, { cause });
  }
  const tls = ca === undefined ? {} : { ca };
  return proxy === null
    ? new Agent({ connect: tls })
    : new ProxyAgent({ uri: proxy, requestTls: tls });
}

async function exchange(
  { endpoint, requestSeconds }: AirflowSettings,
  dispatcher: Dispatcher,
  call: Call,
  token: string | null,
): Promise<Reply> {
  let status: number;
  let text: string;
  try {
    const reply = await request(addressOf(endpoint, call), {
      dispatcher,
      method: call.method,
      headers: {
        accept: 'application/json',
        ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      },
      body: call.body === undefined ? null : JSON.stringify(call.body),
      signal: AbortSignal.timeout(requestSeconds * 1000),
    });
    status = reply.statusCode;
    text = await reply.body.text();
  } catch (cause) {
    const told = (cause as Error).message || (cause as NodeJS.ErrnoException).code;
    throw new OrreryError(
      'BACKEND_UNAVAILABLE',
      `Cannot ${call.action}: ${endpoint} does not answer (${told})`,
      { cause },
    );
  }
  return { status, body: parsed(call, status, text) };
}

function parsed(call: Call, status: number, text: string): unknown {
  if (text === '') return null;
  try {
    return JSON.parse(text);
  } catch (cause) {
    // A gateway that is away answers with a page: its status says enough.
    const code = status === 429 || status >= 500 ? 'BACKEND_UNAVAILABLE' : 'REPLY_MALFORMED';
    throw new OrreryError(
      code,
      `Cannot ${call.action}: the answer (${status}) is not JSON but ${JSON.stringify(endOf(text).slice(0, 120))}`,
      { cause },
    );
  }
}

/** Checks a reply against what the caller reads of it. @throws OrreryError REPLY_MALFORMED */
export function checked<Schema extends z.ZodType>(
  call: Call,
  reply: Reply,
  schema: Schema,
): z.output<Schema> {
  const result = schema.safeParse(reply.body);
  if (result.success) return result.data;
  const faults = result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new OrreryError(
    'REPLY_MALFORMED',
    `Cannot ${call.action}: Airflow's answer is not what its API describes: ${faults.slice(0, 3).join('; ')}`,
    { details: { faults } },
  );
}

/** `/auth/…` and `/ui/…` lie beside the API, all else under it. */
function addressOf(endpoint: string, { path, at = {}, query = {} }: Call): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(String(at[name] ?? '')),
  );
  const prefix = /^\/(auth|ui)\//.test(path) ? '' : API;
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) search.append(name, String(one));
  }
  const tail = search.size === 0 ? '' : `?${search.toString()}`;
  return `${endpoint}${prefix}${filled}${tail}`;
}
