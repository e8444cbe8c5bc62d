import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const DAYS = '30';

/** One authority and one certificate for everything that listens on loopback, and the key of service accounts. */
export interface Certificates {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  /** Signs the tokens of service accounts. */
  readonly accountKey: string;
  readonly accountPublicKey: string;
}

export async function makeCertificates(folder: string): Promise<Certificates> {
  const path = (name: string) => join(folder, name);
  const made: Certificates = {
    ca: path('ca.crt'),
    // The names under which Go's controller runtime looks for the certificate of webhooks.
    cert: path('tls.crt'),
    key: path('tls.key'),
    accountKey: path('accounts.key'),
    accountPublicKey: path('accounts.pub'),
  };
  const openssl = (...words: string[]) => execute('openssl', words, { cwd: folder });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await openssl(
    'req',
    '-x509',
    ...key,
    '-keyout',
    path('ca.key'),
    '-out',
    made.ca,
    '-days',
    DAYS,
    '-subj',
    '/CN=orrery test authority',
  );
  await writeFile(
    path('names.ext'),
    'subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth\n',
  );
  await openssl(
    'req',
    '-new',
    ...key,
    '-keyout',
    made.key,
    '-out',
    path('tls.csr'),
    '-subj',
    '/CN=127.0.0.1',
  );
  await openssl(
    'x509',
    '-req',
    '-in',
    path('tls.csr'),
    '-CA',
    made.ca,
    '-CAkey',
    path('ca.key'),
    '-CAcreateserial',
    '-days',
    DAYS,
    '-extfile',
    path('names.ext'),
    '-out',
    made.cert,
  );
  const accounts = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  await writeFile(made.accountKey, accounts.privateKey, { mode: 0o600 });
  await writeFile(made.accountPublicKey, accounts.publicKey);
  return made;
}
