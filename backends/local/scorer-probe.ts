import { request } from 'node:http';
import { PROXY_HOST } from './envoy/bootstrap.ts';

/** A server that is silent for so long is not ready, milliseconds. */
const PROBE_MS_MAX = 2_000;

/** Whether the scoring server of `<model>/<version>`, and nobody else, takes requests on this port. */
export function isReady(port: number, served: string): Promise<boolean> {
  return new Promise((resolve) => {
    const sent = request(
      { host: PROXY_HOST, port, path: '/readyz', agent: false, timeout: PROBE_MS_MAX },
      (response) => {
        response.resume();
        resolve(response.statusCode === 200 && response.headers['x-orrery-model'] === served);
      },
    );
    sent.on('timeout', () => sent.destroy());
    sent.on('error', () => resolve(false));
    sent.end();
  });
}
