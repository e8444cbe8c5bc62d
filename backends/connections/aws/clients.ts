import { readFileSync } from 'node:fs';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { OrreryError } from '../../../core/errors.ts';
import type { AwsConnection } from './settings.ts';

/** Connections kept to one service at most. */
const SOCKETS_MAX = 64;
const CONNECT_MS_MAX = 5_000;
const NOT_PROXIED = 'localhost,127.0.0.1,::1';

/**
 * Constructor options for a client of the SDK. No credentials: the client's own chain finds them at
 * the first call.
 *
 * @throws OrreryError SETTINGS_INVALID when the CA file cannot be read
 */
export function clientOptions(connection: AwsConnection, service: 'sagemaker' | 's3') {
  const { region, profile, endpoints, attemptsMax, timeoutMs } = connection;
  const endpoint = endpoints[service];
  return {
    region,
    ...(profile === undefined ? {} : { profile }),
    ...(endpoint === undefined ? {} : { endpoint }),
    maxAttempts: attemptsMax,
    requestHandler: {
      connectionTimeout: CONNECT_MS_MAX,
      requestTimeout: timeoutMs,
      // Without it the handler only logs that a reply is late.
      throwOnRequestTimeout: true,
      ...agents(connection),
    },
  };
}

function agents({ proxy, caFile }: AwsConnection) {
  const proxied =
    proxy === undefined
      ? {}
      : { proxyEnv: { HTTP_PROXY: proxy, HTTPS_PROXY: proxy, NO_PROXY: NOT_PROXIED } };
  const kept = { keepAlive: true, maxSockets: SOCKETS_MAX, ...proxied };
  const ca = caFile === undefined ? {} : { ca: readCa(caFile) };
  return { httpAgent: new HttpAgent(kept), httpsAgent: new HttpsAgent({ ...kept, ...ca }) };
}

function readCa(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new OrreryError(
      'SETTINGS_INVALID',
      `Cannot trust the authorities in "${path}": ${String(cause)}, wanted a readable PEM file`,
      { cause },
    );
  }
}
