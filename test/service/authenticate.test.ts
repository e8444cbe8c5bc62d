import { beforeAll, describe, expect, it } from '@jest/globals';
import { createLocalJWKSet, exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { CryptoKey } from 'jose';
import { authenticateLoopback, authenticateToken } from '../../service/http/authenticate.ts';
import type { Authenticate } from '../../service/http/authenticate.ts';
import { readApiSettings } from '../../service/http/settings.ts';

const ISSUER = 'https://issuer.example';
const AUDIENCE = 'orrery';
let privateKey: CryptoKey;
let authenticate: Authenticate;

beforeAll(async () => {
  const pair = await generateKeyPair('ES256');
  privateKey = pair.privateKey;
  const keys = createLocalJWKSet({
    keys: [{ ...(await exportJWK(pair.publicKey)), alg: 'ES256' }],
  });
  authenticate = authenticateToken(
    { issuer: ISSUER, audience: AUDIENCE, algorithm: 'ES256' },
    keys,
  );
});

function token(claims: { issuer?: string; audience?: string; expires?: string; subject?: string }) {
  const jwt = new SignJWT()
    .setProtectedHeader({ alg: 'ES256' })
    .setIssuer(claims.issuer ?? ISSUER)
    .setAudience(claims.audience ?? AUDIENCE)
    .setExpirationTime(claims.expires ?? '5m');
  if (claims.subject !== '') jwt.setSubject(claims.subject ?? 'ada');
  return jwt.sign(privateKey);
}
const bearer = (text: string) => authenticate({ authorization: `Bearer ${text}` });

describe('authenticateToken', () => {
  it('names the subject of a token of the issuer for the audience', async () => {
    expect(await bearer(await token({}))).toBe('ada');
  });

  it.each([
    ['another issuer', { issuer: 'https://else.example' }],
    ['another audience', { audience: 'else' }],
    ['an expired token', { expires: '-5m' }],
    ['no subject', { subject: '' }],
  ])('refuses %s', async (_, claims) => {
    await expect(bearer(await token(claims))).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  it('refuses another algorithm, even signed with the text of a public key', async () => {
    const forged = await new SignJWT()
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuer(ISSUER)
      .setAudience(AUDIENCE)
      .setSubject('eve')
      .setExpirationTime('5m')
      .sign(new TextEncoder().encode('a'.repeat(32)));
    await expect(bearer(forged)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.e30.`;
    await expect(bearer(unsigned)).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  it('refuses a request without a token', async () => {
    await expect(authenticate({})).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  it('lets nobody pass while the keys cannot be read', async () => {
    const blind = authenticateToken(
      { issuer: ISSUER, audience: AUDIENCE, algorithm: 'ES256' },
      async () => {
        throw new TypeError('fetch failed');
      },
    );
    const authorization = `Bearer ${await token({})}`;
    await expect(blind({ authorization })).rejects.toMatchObject({ code: 'SIGNER_UNAVAILABLE' });
  });
});

describe('readApiSettings', () => {
  it('serves loopback without tokens', () => {
    expect(readApiSettings({})).toMatchObject({
      host: '127.0.0.1',
      port: 7480,
      authenticate: authenticateLoopback,
    });
  });

  const tokens = {
    ORRERY_OIDC_ISSUER: ISSUER,
    ORRERY_OIDC_AUDIENCE: AUDIENCE,
    ORRERY_OIDC_JWKS_URL: 'https://issuer.example/keys',
    ORRERY_OIDC_ALGORITHM: 'ES256',
  };
  it('serves elsewhere with all four settings of the issuer', () => {
    const settings = readApiSettings({ ORRERY_API_HOST: '0.0.0.0', ...tokens });
    expect(settings.authenticate).not.toBe(authenticateLoopback);
  });

  it.each([
    ['elsewhere without an issuer', { ORRERY_API_HOST: '0.0.0.0' }],
    ['with half of the settings', { ORRERY_OIDC_ISSUER: ISSUER }],
    ['with a symmetric algorithm', { ...tokens, ORRERY_OIDC_ALGORITHM: 'HS256' }],
    ['with keys over plain http', { ...tokens, ORRERY_OIDC_JWKS_URL: 'http://issuer.example/k' }],
    ['on a port that is none', { ORRERY_API_PORT: '70000' }],
  ])('refuses to serve %s', (_, env) => {
    expect(() => readApiSettings(env)).toThrow(
      expect.objectContaining({ code: 'SETTINGS_INVALID' }),
    );
  });
});
