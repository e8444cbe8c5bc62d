import type { IncomingHttpHeaders } from 'node:http';
import { createRemoteJWKSet, errors, jwtVerify } from 'jose';
import type { JWTVerifyGetKey } from 'jose';
import { OrreryError } from '../../core/errors.ts';

/** Signature algorithms that a deployment may pin; symmetric ones are not among them. */
export const TOKEN_ALGORITHMS = ['RS256', 'ES256', 'EdDSA'] as const;
export type TokenAlgorithm = (typeof TOKEN_ALGORITHMS)[number];

/** Seconds by which the clocks of issuer and service may differ. */
const CLOCK_SKEW_SECONDS = 30;

/**
 * Says who calls, from the headers; null when callers are not told apart (loopback).
 *
 * @throws OrreryError FORBIDDEN, SIGNER_UNAVAILABLE when the issuer's keys cannot be read
 */
export type Authenticate = (headers: IncomingHttpHeaders) => Promise<string | null>;

/**
 * For a service on loopback: whoever reaches it is at this machine. Requests that a web page made a
 * browser send are refused by their Host and Origin, as a page on another site, or a name that was
 * re-bound to 127.0.0.1, must not start anything.
 */
export const authenticateLoopback: Authenticate = async ({ host, origin }) => {
  if (!isLoopback(host)) {
    throw new OrreryError(
      'FORBIDDEN',
      `Cannot serve the host "${host ?? ''}": the service is bound to loopback, wanted a loopback name`,
    );
  }
  if (origin !== undefined && origin !== `http://${host}`) {
    throw new OrreryError(
      'FORBIDDEN',
      `Cannot serve the origin "${origin}": wanted none or http://${host}`,
    );
  }
  return null;
};

export interface TokenSettings {
  readonly issuer: string;
  readonly audience: string;
  readonly algorithm: TokenAlgorithm;
}

/** For a service that others can reach: an OIDC bearer token (RFC 6750) whose subject is the caller. */
export function authenticateToken(settings: TokenSettings, keys: JWTVerifyGetKey): Authenticate {
  return async ({ authorization }) => {
    const token = /^Bearer ([\w.~+/=-]+)$/i.exec(authorization ?? '')?.[1];
    if (token === undefined) {
      throw new OrreryError('FORBIDDEN', 'Cannot serve the request: it has no bearer token');
    }
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer: settings.issuer,
        audience: settings.audience,
        algorithms: [settings.algorithm],
        clockTolerance: CLOCK_SKEW_SECONDS,
        requiredClaims: ['sub', 'exp'],
      });
      return payload.sub ?? null;
    } catch (cause) {
      throw refusal(cause);
    }
  };
}

/** Keys are fetched when a token first names them, and kept. */
export function remoteKeys(jwksUrl: string): JWTVerifyGetKey {
  return createRemoteJWKSet(new URL(jwksUrl));
}

export function isLoopback(host: string | undefined): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[::1\]|::1)(:\d{1,5})?$/i.test(host ?? '');
}

/** A token that does not verify is final; keys that cannot be read are not, and nobody passes meanwhile. */
function refusal(cause: unknown): OrreryError {
  const verdicts = [
    errors.JWTInvalid,
    errors.JWTExpired,
    errors.JWTClaimValidationFailed,
    errors.JWSInvalid,
    errors.JWSSignatureVerificationFailed,
    errors.JWKSNoMatchingKey,
    errors.JWKSMultipleMatchingKeys,
    errors.JOSEAlgNotAllowed,
    errors.JOSENotSupported,
  ];
  const reason = cause instanceof Error ? cause.message : String(cause);
  return verdicts.some((verdict) => cause instanceof verdict)
    ? new OrreryError('FORBIDDEN', `Cannot serve the request: its token is refused (${reason})`, {
        cause,
      })
    : new OrreryError(
        'SIGNER_UNAVAILABLE',
        `Cannot check the token: the issuer’s keys cannot be read (${reason})`,
        { cause },
      );
}
