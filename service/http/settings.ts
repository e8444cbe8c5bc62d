import { OrreryError } from '../../core/errors.ts';
import {
  authenticateLoopback,
  authenticateToken,
  isLoopback,
  remoteKeys,
  TOKEN_ALGORITHMS,
} from './authenticate.ts';
import type { Authenticate, TokenAlgorithm } from './authenticate.ts';

type Env = Readonly<Record<string, string | undefined>>;

const PORT_DEFAULT = 7480;

export interface ApiSettings {
  readonly host: string;
  readonly port: number;
  readonly authenticate: Authenticate;
}

/**
 * Reads `ORRERY_API_HOST` (default 127.0.0.1), `ORRERY_API_PORT` (0–65535, default 7480, 0 for a free
 * one) and, wanted for any host that is not loopback, `ORRERY_OIDC_ISSUER`, `ORRERY_OIDC_AUDIENCE`,
 * `ORRERY_OIDC_JWKS_URL` and `ORRERY_OIDC_ALGORITHM` (RS256, ES256 or EdDSA).
 *
 * @throws OrreryError SETTINGS_INVALID
 */
export function readApiSettings(env: Env): ApiSettings {
  const host = env['ORRERY_API_HOST'] || '127.0.0.1';
  const port = readPort(env['ORRERY_API_PORT']);
  const names = [
    'ORRERY_OIDC_ISSUER',
    'ORRERY_OIDC_AUDIENCE',
    'ORRERY_OIDC_JWKS_URL',
    'ORRERY_OIDC_ALGORITHM',
  ] as const;
  const missing = names.filter((name) => !env[name]);
  if (missing.length === names.length && isLoopback(host)) {
    return { host, port, authenticate: authenticateLoopback };
  }
  if (missing.length > 0) {
    throw new OrreryError(
      'SETTINGS_INVALID',
      `Cannot serve on "${host}": ${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} not set, wanted for bearer tokens on any address but loopback`,
    );
  }
  return { host, port, authenticate: readTokens(env) };
}

function readTokens(env: Env): Authenticate {
  const algorithm = env['ORRERY_OIDC_ALGORITHM'] as TokenAlgorithm;
  if (!TOKEN_ALGORITHMS.includes(algorithm)) {
    throw new OrreryError(
      'SETTINGS_INVALID',
      `Cannot take ORRERY_OIDC_ALGORITHM "${algorithm}": wanted one of ${TOKEN_ALGORITHMS.join(', ')}`,
    );
  }
  const url = env['ORRERY_OIDC_JWKS_URL'] ?? '';
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new OrreryError(
      'SETTINGS_INVALID',
      `Cannot take ORRERY_OIDC_JWKS_URL "${url}": wanted an https URL`,
    );
  }
  const { hostname, protocol } = new URL(url);
  if (protocol === 'http:' && !isLoopback(hostname)) {
    throw new OrreryError(
      'SETTINGS_INVALID',
      `Cannot take ORRERY_OIDC_JWKS_URL "${url}": keys over plain http can be replaced on the way, wanted https`,
    );
  }
  return authenticateToken(
    {
      issuer: env['ORRERY_OIDC_ISSUER'] ?? '',
      audience: env['ORRERY_OIDC_AUDIENCE'] ?? '',
      algorithm,
    },
    remoteKeys(url),
  );
}

function readPort(text: string | undefined): number {
  if (text === undefined || text === '') return PORT_DEFAULT;
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new OrreryError(
    'SETTINGS_INVALID',
    `Cannot take ORRERY_API_PORT "${text}": wanted a whole number 0–65535`,
  );
}
