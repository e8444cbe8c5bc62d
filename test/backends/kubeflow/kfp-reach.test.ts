/** How Kubeflow Pipelines is reached: an authority of its own, a forward proxy, a path prefix. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttp, type Server } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { KfpApi } from '../../../backends/kubeflow/kfp/api.ts';
import { kfpSettings } from '../../../backends/kubeflow/kfp/settings.ts';
import { expectCode } from '../../support/contract/harness.ts';

describe('Kubeflow Pipelines over TLS', () => {
  let folder: string;
  let server: Server;
  let proxy: Server;
  const asked: string[] = [];
  const tunnels: string[] = [];
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'orrery-kfp-'));
    const [key, cert] = ['key.pem', 'cert.pem'].map((name) => join(folder, name)) as [
      string,
      string,
    ];
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:P-256',
        '-nodes',
        '-days',
        '1',
      ]
        .concat(['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'])
        .concat(['-keyout', key, '-out', cert]),
      { stdio: 'ignore' },
    );
    server = createHttps(
      { key: readFileSync(key), cert: readFileSync(cert) },
      (request, response) => {
        asked.push(`${request.method} ${request.url}`);
        response.setHeader('content-type', 'application/json').end('{"multi_user":true}');
      },
    );
    proxy = createHttp().on('connect', (request, socket: Socket) => {
      tunnels.push(request.url ?? '');
      const [host, port] = (request.url ?? '').split(':');
      const far = connect(Number(port), host, () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        far.pipe(socket).pipe(far);
      });
      for (const end of [far, socket]) end.on('error', () => undefined);
    });
    for (const each of [server, proxy]) {
      await new Promise<void>((resolve) => each.listen(0, '127.0.0.1', resolve));
    }
  });
  afterAll(() => {
    for (const each of [server, proxy]) {
      each.closeAllConnections();
      each.close();
    }
    rmSync(folder, { recursive: true });
  });

  const portOf = (each: Server) => (each.address() as AddressInfo).port;
  const open = (more: object) =>
    KfpApi.open(
      kfpSettings.parse({ url: `https://127.0.0.1:${portOf(server)}/pipeline/`, ...more }),
    );

  it('is trusted by the authority that the settings name, under a path prefix', async () => {
    const api = await open({ caFile: join(folder, 'cert.pem') });
    await api.health();
    expect(asked.at(-1)).toBe('GET /pipeline/apis/v2beta1/healthz');
    await api.close();
  });

  it('is not trusted without it', async () => {
    const api = await open({});
    await expectCode(api.health(), 'SETTINGS_INVALID');
    await api.close();
  });

  it('is reached through the proxy that the settings name', async () => {
    const url = `http://127.0.0.1:${portOf(proxy)}`;
    const api = await open({ caFile: join(folder, 'cert.pem'), proxy: url });
    await api.health();
    expect(tunnels).toEqual([`127.0.0.1:${portOf(server)}`]);
    await api.close();
  });

  it('is SETTINGS_INVALID with an authority that cannot be read', async () => {
    await expectCode(open({ caFile: join(folder, 'none.pem') }), 'SETTINGS_INVALID');
  });
});
