import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import { createServer as createProxy } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ListTrainingJobsCommand, SageMakerClient } from '@aws-sdk/client-sagemaker';

import { clientOptions } from '../../../backends/connections/aws/clients.ts';
import { awsError } from '../../../backends/connections/aws/errors.ts';
import { awsConnection } from '../../../backends/connections/aws/settings.ts';

/** A name that nothing but the proxy of the test leads anywhere. */
const FAR_HOST = 'sagemaker.eu-west-1.test.invalid';

describe('Clients of AWS', () => {
  let folder: string;
  let far: Server;
  const port = (server: Pick<Server, 'address'>) => (server.address() as AddressInfo).port;
  beforeAll(async () => {
    process.env['AWS_ACCESS_KEY_ID'] = 'testing';
    process.env['AWS_SECRET_ACCESS_KEY'] = 'testing';
    folder = await mkdtemp(join(tmpdir(), 'orrery-aws-'));
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const names = `subjectAltName=IP:127.0.0.1,DNS:${FAR_HOST}`;
    const words = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2'];
    execFileSync(
      'openssl',
      [...words, '-subj', '/CN=far', '-addext', names, '-keyout', key, '-out', cert],
      { stdio: 'ignore' },
    );
    far = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (_, response) => {
      response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' });
      response.end('{"TrainingJobSummaries":[]}');
    });
    await new Promise<void>((resolve) => far.listen(0, '127.0.0.1', resolve));
  });
  afterAll(async () => {
    far.closeAllConnections();
    await new Promise((resolve) => far.close(resolve));
    await rm(folder, { recursive: true });
  });

  const ask = async (endpoint: string, more: object) => {
    const endpoints = { sagemaker: endpoint };
    const connection = awsConnection.parse({
      region: 'eu-west-1',
      endpoints,
      attemptsMax: 1,
      ...more,
    });
    const client = new SageMakerClient(clientOptions(connection, 'sagemaker'));
    try {
      return (await client.send(new ListTrainingJobsCommand({}))).TrainingJobSummaries;
    } catch (error) {
      throw awsError(error, 'list');
    } finally {
      client.destroy();
    }
  };

  it('trust an authority of the settings, and no stranger', async () => {
    const url = `https://127.0.0.1:${port(far)}`;
    expect(await ask(url, { caFile: join(folder, 'cert.pem') })).toEqual([]);
    await expect(ask(url, {})).rejects.toThrow(/self-signed certificate/);
  });

  it('go through the proxy of the settings', async () => {
    const asked: string[] = [];
    const proxy = createProxy();
    proxy.on('connect', ({ url }, socket) => {
      asked.push(url ?? '');
      const onward = connect(port(far), '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
        onward.pipe(socket).pipe(onward);
      });
      onward.on('error', () => socket.destroy());
      socket.on('error', () => onward.destroy());
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const caFile = join(folder, 'cert.pem');
    const through = { caFile, proxy: `http://127.0.0.1:${port(proxy)}` };
    expect(await ask(`https://${FAR_HOST}`, through)).toEqual([]);
    expect(asked).toEqual([`${FAR_HOST}:443`]);
    await new Promise((resolve) => proxy.close(resolve));
  });

  it('refuse a file of authorities that is not there', () => {
    const connection = awsConnection.parse({ region: 'eu-west-1', caFile: '/nonexistent.pem' });
    expect(() => clientOptions(connection, 'sagemaker')).toThrow(
      expect.objectContaining({ code: 'SETTINGS_INVALID' }),
    );
  });
});
