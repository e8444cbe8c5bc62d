import { request } from 'node:http';
import { OrreryError } from '../../../core/errors.ts';
import { PROXY_HOST } from './bootstrap.ts';

/** Silence of the administration for so long means that the proxy hangs, milliseconds. */
const REPLY_MS_MAX = 5_000;

export interface Reply {
  readonly status: number;
  readonly text: string;
}

/** One reading of Envoy's administration interface. @throws OrreryError PROXY_REFUSED */
export async function askAdmin(adminPort: number, path: string): Promise<Reply> {
  try {
    return await get(adminPort, path);
  } catch (cause) {
    throw new OrreryError(
      'PROXY_REFUSED',
      `Cannot read ${path} of the proxy: its administration on port ${adminPort} does not answer (${String(cause)})`,
      { cause },
    );
  }
}

/** @throws OrreryError PROXY_REFUSED */
export async function askAdminJson(adminPort: number, path: string): Promise<unknown> {
  const { status, text } = await askAdmin(adminPort, path);
  if (status !== 200) {
    throw new OrreryError(
      'PROXY_REFUSED',
      `Cannot read ${path} of the proxy: it answers ${status} (${text.slice(0, 200)}), wanted 200`,
    );
  }
  return JSON.parse(text);
}

function get(port: number, path: string): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const sent = request(
      { host: PROXY_HOST, port, path, agent: false, timeout: REPLY_MS_MAX },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            text: Buffer.concat(chunks).toString('utf8'),
          }),
        );
        response.on('error', reject);
      },
    );
    sent.on('timeout', () => sent.destroy(new Error(`no reply within ${REPLY_MS_MAX} ms`)));
    sent.on('error', reject);
    sent.end();
  });
}
