import { mkdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { connectAgent } from '../../backends/local/agent/client.ts';
import { TASK_QUEUES } from '../../core/messages.ts';
import { anInstallation, processesOf, succeeded } from '../support/installation.ts';
import type { Installation, Ran } from '../support/installation.ts';
import { PROJECT_ROOT } from '../../workers/home.ts';

const installations: Installation[] = [];
function installed(...args: Parameters<typeof anInstallation>): Installation {
  const installation = anInstallation(...args);
  installations.push(installation);
  return installation;
}
afterAll(async () => {
  for (const installation of installations) await installation.remove();
});

/** An error of the catalogue in two lines, and nothing else: no stack, no path into the sources. */
function expectRefused(result: Ran, code: string): void {
  expect(result.stderr).toMatch(new RegExp(`^error ${code}: Cannot .+\\nnext: .+\\n$`));
  expect(result.code).toBe(1);
}

async function pidsOf(home: string): Promise<Record<string, number | null>> {
  const { services } = await connectAgent(home).list();
  return Object.fromEntries(services.map(({ name, pid }) => [name, pid]));
}

describe('up', () => {
  test('starts a server, a worker for each trust zone and the service, and a second time changes nothing', async () => {
    const installation = installed();
    succeeded(await installation.up());
    const first = await pidsOf(installation.home);
    const record = installation.record();
    expect(Object.keys(first).sort()).toEqual(
      ['api', 'temporal', ...Object.keys(TASK_QUEUES).map((queue) => `worker-${queue}`)].sort(),
    );
    succeeded(await installation.up());
    expect(await pidsOf(installation.home)).toEqual(first);
    expect(installation.record()).toEqual(record);
    expect((await fetch(`${record.apiUrl}/readyz`)).status).toBe(200);
  });

  test('comes back with its runs and addresses after everything was ended', async () => {
    const installation = installations[0] as Installation;
    const record = installation.record();
    succeeded(await installation.down());
    expect(processesOf(installation.home)).toEqual([]);
    succeeded(await installation.up());
    expect(installation.record()).toEqual(record);
  });

  test('says PORT_IN_USE for a fixed port that another process holds, and leaves nothing running', async () => {
    const { server, port } = await listening();
    try {
      for (const variable of ['ORRERY_TEMPORAL_PORT', 'ORRERY_API_PORT']) {
        const installation = installed();
        const result = await installation.up({ [variable]: `${port}` });
        expectRefused(result, 'PORT_IN_USE');
        expect(result.stderr).toContain(`127.0.0.1:${port} (${variable})`);
        expect(processesOf(installation.home)).toEqual([]);
      }
    } finally {
      server.close();
    }
  });

  test('says SETTINGS_INVALID for a port that is no number', async () => {
    const installation = installed();
    expectRefused(await installation.up({ ORRERY_API_PORT: 'eighty' }), 'SETTINGS_INVALID');
    expect(processesOf(installation.home)).toEqual([]);
  });

  test('says SETTINGS_INVALID for a home whose path is too long for a unix socket', async () => {
    const home = join(tmpdir(), `oi-${'long'.repeat(30)}`);
    const installation = installed({ ORRERY_HOME: home });
    const result = await installation.up();
    expectRefused(result, 'SETTINGS_INVALID');
    expect(result.stderr).toContain('choose a shorter ORRERY_HOME');
    expect(processesOf(home)).toEqual([]);
    rmSync(home, { recursive: true, force: true });
  });

  test('says TOOL_MISSING without the Python environment, leaves nothing running, and doctor says what to do', async () => {
    const installation = installed({}, { venv: false });
    expectRefused(await installation.up(), 'TOOL_MISSING');
    expect(processesOf(installation.home)).toEqual([]);
    const doctor = await installation.orrery('doctor');
    expect(doctor.code).toBe(1);
    expect(doctor.stdout).toMatch(/missing +Temporal server +not found +run make setup/);
  });

  test('says SETTINGS_INVALID for settings that no worker can read, and leaves nothing running', async () => {
    const installation = installed();
    mkdirSync(join(installation.home, 'settings.json'));
    expectRefused(await installation.up(), 'SETTINGS_INVALID');
    expect(processesOf(installation.home)).toEqual([]);
  });
});

describe('down', () => {
  test('leaves no process of the home, and is content when nothing runs', async () => {
    const installation = installations[0] as Installation;
    expect(processesOf(installation.home).length).toBeGreaterThan(5);
    expect(succeeded(await installation.down()).stdout).toBe('everything has ended\n');
    expect(processesOf(installation.home)).toEqual([]);
    expect(succeeded(await installation.down()).stdout).toBe('nothing was running\n');
  });

  test('refuses a home that is too long as up does', async () => {
    const home = join(PROJECT_ROOT, 'long'.repeat(30));
    expectRefused(await installed({ ORRERY_HOME: home }).down(), 'SETTINGS_INVALID');
  });
});

function listening(): Promise<{ server: Server; port: number }> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () =>
      resolve({ server, port: (server.address() as AddressInfo).port }),
    );
  });
}
