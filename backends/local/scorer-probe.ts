import { request } from 'node:http';
import { PROXY_HOST } from './envoy/bootstrap.ts';

/** A server that is silent for so long is not ready, milliseconds. */
const PROBE_MS_MAX = 2_000;

/** Whether a scoring server on this port takes requests. */
export function isReady(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const sent = request(
      { host: PROXY_HOST, port, path: '/readyz', agent: false, timeout: PROBE_MS_MAX },
      (response) => {
        response.resume();
        resolve(response.statusCode === 200);
      },
    );
    sent.on('timeout', () => sent.destroy());
    sent.on('error', () => resolve(false));
    sent.end();
  });
}
