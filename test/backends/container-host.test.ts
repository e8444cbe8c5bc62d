/** The files of the container that owns processes, with the programs that read them. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { connectAgent } from '../../backends/local/agent/client.ts';
import { jobFolder, readResult } from '../../backends/local/agent/job-folder.ts';
import { PROJECT_ROOT } from '../../workers/home.ts';
import { intentOf, isRunning, sh, until } from '../support/local-home.ts';
import { envoyProgram } from '../support/tools.ts';

let home: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'orrery-'));
});
afterEach(() => rm(home, { recursive: true, force: true }));

it('the edge proxy accepts its configuration', () => {
  const file = join(PROJECT_ROOT, 'infra', 'envoy', 'edge.yaml');
  const { status, stderr } = spawnSync(
    envoyProgram(),
    ['--mode', 'validate', '--config-path', file, '--log-level', 'error', '--disable-hot-restart'],
    { encoding: 'utf8' },
  );
  expect([status, stderr]).toEqual([0, '']);
});

it('the container of the agent lets jobs end in order when it is told to stop', async () => {
  const container = spawn('/bin/sh', ['infra/host/run-agent.sh'], {
    cwd: PROJECT_ROOT,
    env: { PATH: process.env['PATH'], ORRERY_HOME: home },
    stdio: 'ignore',
  });
  const ended = once(container, 'exit');
  const agent = connectAgent(home);
  const health = () => agent.health().catch(() => null);
  try {
    await until(async () => (await health()) !== null);
    const ready = '{"step":0,"steps":1,"message":"ready"}';
    const script = [
      'trap "exit 143" TERM',
      `printf '%s' '${ready}' > "$ORRERY_PROGRESS_FILE"`,
      'while true; do sleep 0.05; done',
    ].join('; ');
    await agent.startJob(intentOf('j1', { graceSeconds: 5 }), sh(script));
    await until(async () => (await agent.readJob('j1')).progress !== null);
  } finally {
    const { pid } = (await health()) ?? { pid: 0 };
    container.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    expect(isRunning(pid)).toBe(false);
  }
  expect(readResult(jobFolder(home, 'j1'))).toMatchObject({
    phase: 'cancelled',
    exit: { code: 143, signal: null },
  });
});
