import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { z } from 'zod';

import { createClient, type AirflowClient } from '../../../backends/airflow/client.ts';
import { backend } from '../../../backends/airflow/index.ts';
import { airflowSettings } from '../../../backends/airflow/settings.ts';
import { expectCode } from '../../support/contract/harness.ts';

const PASSWORD = 'hunter2hunter2';
const CALL = { action: 'look', method: 'GET', path: '/pools', at: {} } as const;

/** A server that hands out tokens `t1`, `t2`, … and takes only the newest. */
class Gate {
  readonly seen: string[] = [];
  logins = 0;
  valid = 't1';
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      request.resume();
      request.on('end', () => {
        const [status, body] = this.#answer(request);
        response.writeHead(status, { 'content-type': 'application/json' }).end(body);
      });
    });
  }

  #answer({ url = '', headers }: IncomingMessage): readonly [number, string] {
    this.seen.push(url);
    if (url.endsWith('/auth/token')) {
      this.logins += 1;
      this.valid = `t${this.logins}`;
      return [201, JSON.stringify({ access_token: this.valid })];
    }
    if (headers.authorization !== `Bearer ${this.valid}`) return [401, '{"detail":"no"}'];
    return [200, JSON.stringify({ url })];
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

describe('createClient', () => {
  let gate: Gate;
  let home: string;
  let endpoint: string;
  let client: AirflowClient;
  beforeEach(async () => {
    gate = new Gate();
    endpoint = `${await gate.listen()}/prefix`;
    home = mkdtempSync(join(tmpdir(), 'orrery-airflow-client-'));
    const path = join(home, 'login.json');
    writeFileSync(path, JSON.stringify({ username: 'me', password: PASSWORD }));
    client = createClient(airflowSettings.parse({ endpoint, credentials: { from: 'file', path } }));
  });
  afterEach(async () => {
    await client.close();
    await gate.close();
    rmSync(home, { recursive: true });
  });

  it('logs in once for calls that come together', async () => {
    await Promise.all([client.send(CALL), client.send(CALL), client.send(CALL)]);
    expect(gate.logins).toBe(1);
  });

  it('logs in again once when a token is refused, for all calls that come together', async () => {
    await client.send(CALL);
    gate.valid = 'another';
    const replies = await Promise.all([client.send(CALL), client.send(CALL), client.send(CALL)]);
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(gate.logins).toBe(2);
  });

  it('keeps a path prefix, quotes ids and repeats the name of a list', async () => {
    const path = '/dags/{dag_id}/dagRuns';
    const query = { state: ['queued', 'running'], limit: 5, none: undefined };
    await client.send({ ...CALL, path, at: { dag_id: 'a/b?c' }, query });
    expect(gate.seen.at(-1)).toBe(
      '/prefix/api/v2/dags/a%2Fb%3Fc/dagRuns?state=queued&state=running&limit=5',
    );
    await client.send({ ...CALL, path: '/ui/dags/x' });
    expect(gate.seen.at(-1)).toBe('/prefix/ui/dags/x');
  });

  it('says which member of an answer does not fit', async () => {
    const asked = client.ask(CALL, z.object({ url: z.int() }));
    await expect(asked).rejects.toMatchObject({
      code: 'REPLY_MALFORMED',
      message: expect.stringContaining('url'),
    });
  });

  it('sends what is open to everybody without a token', async () => {
    await expectCode(client.send({ ...CALL, open: true }), 'CREDENTIALS_INVALID');
    expect(gate.logins).toBe(0);
  });

  it('reads the login anew for each token, so that it can be renewed without a restart', async () => {
    await client.send(CALL);
    writeFileSync(join(home, 'login.json'), `{"username": "me", "pass": "${PASSWORD}"}`);
    gate.valid = 'another';
    const call = client.send(CALL);
    await expect(call).rejects.toMatchObject({
      code: 'CREDENTIALS_INVALID',
      message: expect.not.stringContaining(PASSWORD),
    });
  });

  it('says that an authority cannot be read', () => {
    const credentials = { from: 'environment' };
    const settings = airflowSettings.parse({ endpoint, credentials, caFile: join(home, 'none') });
    expect(() => createClient(settings)).toThrow(/authority/);
  });
});

describe('The backend "airflow"', () => {
  it('tells by check that nobody answers, and throws nothing', async () => {
    const open = await backend.open(
      backend.settings.parse({
        endpoint: 'http://127.0.0.1:9',
        credentials: { from: 'environment', username: 'NOBODY_SET_A', password: 'NOBODY_SET_B' },
        dagFolder: '/no/such/folder',
      }),
    );
    const findings = await open.check!();
    expect(findings.map(({ subject, state }) => [subject, state])).toEqual([
      ['endpoint', 'unknown'],
      ['metadatabase', 'unknown'],
      ['scheduler', 'unknown'],
      ['dag processor', 'unknown'],
      ['credentials', 'missing'],
      ['dagFolder', 'missing'],
    ]);
    expect(findings.every(({ action }) => action !== '')).toBe(true);
    await open.close();
  });
});
