import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { backend } from '../../../backends/airflow/index.ts';
import { expectCode } from '../../support/contract/harness.ts';
import { startFaultProxy, type FaultProxy } from '../../support/fault-proxy.ts';
import { settingsFor } from './login.ts';
import { ensureAirflow } from './running.ts';
import type { AirflowState } from './server.ts';

/** A proxy that opens tunnels, and counts them. */
class TunnelProxy {
  tunnels = 0;
  readonly #server: Server = createServer();

  async listen(): Promise<string> {
    this.#server.on('connect', ({ url = '' }, socket, head) => {
      this.tunnels += 1;
      const [host = '', port = ''] = url.split(':');
      const far = connect(Number(port), host, () => {
        socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
        far.write(head);
        far.pipe(socket).pipe(far);
      });
      far.on('error', () => socket.destroy());
      socket.on('error', () => far.destroy());
    });
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

describe('An Airflow behind TLS and a proxy', () => {
  let airflow: AirflowState;
  let secure: FaultProxy;
  let caFile: string;
  beforeAll(async () => {
    airflow = await ensureAirflow();
    caFile = join(airflow.home, 'authority.pem');
    const keyFile = join(airflow.home, 'authority.key');
    const words =
      `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1 ` +
      `-addext subjectAltName=IP:127.0.0.1 -keyout ${keyFile} -out ${caFile}`;
    execFileSync('openssl', words.split(' '), { stdio: 'ignore' });
    const tls = { key: readFileSync(keyFile, 'utf8'), cert: readFileSync(caFile, 'utf8') };
    secure = await startFaultProxy({ upstream: airflow.url, tls });
  });
  afterAll(() => secure.close());

  const poolsOver = async (more: Readonly<Record<string, unknown>>) => {
    const open = await backend.open(settingsFor(airflow, { endpoint: secure.url, ...more }));
    try {
      return (await open.ports.pools!.list()).map(({ name }) => name);
    } finally {
      await open.close();
    }
  };

  it('answers when the settings name its authority', async () => {
    expect(await poolsOver({ caFile })).toContain('default_pool');
  });

  it('is BACKEND_UNAVAILABLE when nobody vouches for it', async () => {
    await expectCode(poolsOver({}), 'BACKEND_UNAVAILABLE');
  });

  it('is reached through the proxy of the settings', async () => {
    const tunnel = new TunnelProxy();
    const proxy = await tunnel.listen();
    expect(await poolsOver({ caFile, proxy })).toContain('default_pool');
    expect(tunnel.tunnels).toBeGreaterThan(0);
    await tunnel.close();
  });
});
