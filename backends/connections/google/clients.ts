import { readFileSync } from 'node:fs';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { GoogleAuth, grpc } from 'google-gax';
import type { ClientOptions } from 'google-gax';
import { OrreryError } from '../../../core/errors.ts';
import { endpointOf } from './settings.ts';
import type { GoogleConnection } from './settings.ts';

const SCOPE = 'https://www.googleapis.com/auth/cloud-platform';
const UNIVERSE = 'googleapis.com';

/** Headers that authorise one request; none for a counterpart on loopback. */
export type RequestHeaders = (url: string) => Promise<Readonly<Record<string, string>>>;

export interface GoogleAccess {
  /** Constructor options for any generated client of Google Cloud. */
  readonly clientOptions: ClientOptions;
  readonly requestHeaders: RequestHeaders;
  /** For requests over HTTP, with the same authorities and proxy. */
  readonly agent: HttpAgent;
}

/**
 * Who we are and how the far side is reached. Credentials are those of google-auth's own chain
 * (https://cloud.google.com/docs/authentication/application-default-credentials); they are asked for
 * at the first call, so opening a backend needs none. Every call is tried once: retries belong to the
 * activities, which know whether a lost reply may be asked for again.
 *
 * @throws OrreryError SETTINGS_INVALID when `caFile` cannot be read
 */
export function googleAccess(connection: GoogleConnection): GoogleAccess {
  const { host, port } = endpointOf(connection);
  const ca = connection.caFile === undefined ? null : readCa(connection.caFile);
  const agent = agentFor(connection, ca);
  const auth = new GoogleAuth({
    projectId: connection.project,
    scopes: [SCOPE],
    // Asked for by the client before its first call; without it a loopback would look for credentials.
    clientOptions: connection.insecure
      ? { universeDomain: UNIVERSE }
      : { universeDomain: UNIVERSE, transporterOptions: { agent } },
  });
  const requestHeaders: RequestHeaders = async (url) =>
    connection.insecure ? {} : Object.fromEntries((await auth.getRequestHeaders(url)).entries());
  const sslCreds = connection.insecure
    ? grpc.credentials.createInsecure()
    : grpc.credentials.combineChannelCredentials(
        grpc.credentials.createSsl(ca),
        grpc.credentials.createFromGoogleCredential({
          getRequestHeaders: (url: string) => requestHeaders(url),
        } as never),
      );
  return {
    clientOptions: {
      auth: auth as never,
      projectId: connection.project,
      sslCreds: sslCreds as never,
      ...channelFor(connection, host, port),
    },
    requestHeaders,
    agent,
  };
}

/**
 * A tunnel through a proxy is made by gRPC's own means: the channel leads to the proxy, which is asked
 * for the real target, and TLS and authority keep the real name.
 */
function channelFor(connection: GoogleConnection, host: string, port: number): ClientOptions {
  if (connection.proxy === undefined) return { apiEndpoint: host, port };
  const proxy = new URL(connection.proxy);
  return {
    apiEndpoint: proxy.hostname,
    port: Number(proxy.port),
    'grpc.enable_http_proxy': 0,
    'grpc.http_connect_target': `dns:${host}:${port}`,
    'grpc.default_authority': `${host}:${port}`,
    ...(connection.insecure ? {} : { 'grpc.ssl_target_name_override': host }),
  } as ClientOptions;
}

function agentFor({ insecure, proxy }: GoogleConnection, ca: Buffer | null): HttpAgent {
  const tunnel = proxy === undefined ? {} : { proxyEnv: { HTTPS_PROXY: proxy, HTTP_PROXY: proxy } };
  if (insecure) return new HttpAgent({ keepAlive: true, ...tunnel });
  return new HttpsAgent({ keepAlive: true, ...tunnel, ...(ca === null ? {} : { ca }) });
}

function readCa(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new OrreryError(
      'SETTINGS_INVALID',
      `Cannot read the certificate authorities "${path}": ${String(cause)}, wanted a PEM file`,
      { cause },
    );
  }
}
