import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectAgent } from '../../backends/local/agent/client.ts';
import { isAlive } from '../../backends/local/agent/identity.ts';
import type { ProcessIdentity } from '../../backends/local/agent/identity.ts';
import { ensureAgent } from '../../backends/local/agent/launch.ts';
import { readRecord } from '../../backends/local/agent/process-folder.ts';
import type { ChildRecord } from '../../backends/local/agent/process-folder.ts';
import type { ServiceSpec } from '../../backends/local/agent/protocol.ts';
import { aHome, endedReading, intentOf, isRunning, sh, until } from '../support/local-home.ts';
import type { Home } from '../support/local-home.ts';

/** Real processes are slow on a loaded machine. */
jest.setTimeout(60_000);

let home: Home;
beforeEach(async () => {
  home = await aHome();
});
afterEach(() => home.close());

const folderOf = (key: string) => join(home.path, 'jobs', key);
const childOf = (key: string) => readRecord<ChildRecord>(folderOf(key), 'child.json')!.identity;
const wrapperOf = (key: string) => readRecord<ProcessIdentity>(folderOf(key), 'wrapper.json')!;
const startedOf = (key: string) => () =>
  existsSync(join(folderOf(key), 'ready')) && existsSync(join(folderOf(key), 'child.json'));

async function killAgent(): Promise<void> {
  const { pid } = await home.agent.health();
  process.kill(pid, 'SIGKILL');
  await until(() => !isRunning(pid));
}

const untilGo = 'touch ready; while [ ! -e go ]; do sleep 0.02; done';

describe('an agent killed with -9', () => {
  it('is down for its callers until another is started', async () => {
    await killAgent();
    await expect(home.agent.health()).rejects.toMatchObject({ code: 'HOST_AGENT_DOWN' });
    await ensureAgent({ home: home.path });
    expect(await home.agent.list()).toEqual({ jobs: [], services: [] });
  });

  it('leaves its jobs running, and the next one adopts them', async () => {
    const counter = join(home.path, 'runs');
    const intent = intentOf('jgoes', { outputs: ['o'] });
    const script = `echo run >> ${counter}; ${untilGo}; echo done > "$ORRERY_OUTPUT_DIR/o"`;
    await home.agent.startJob(intent, sh(script));
    await until(startedOf('jgoes'));
    const before = await home.agent.readJob('jgoes');
    await killAgent();
    expect(isAlive(childOf('jgoes'))).toBe(true);
    await ensureAgent({ home: home.path });
    expect(await home.agent.startJob(intent, sh(script))).toMatchObject({ outcome: 'adopted' });
    const after = await home.agent.readJob('jgoes');
    expect(after.phase).toBe('running');
    expect(after.revision).toBeGreaterThanOrEqual(before.revision);
    await home.write('jobs/jgoes/go', '');
    expect(await endedReading(home.agent, 'jgoes')).toMatchObject({ phase: 'succeeded' });
    expect(readFileSync(counter, 'utf8')).toBe('run\n');
  });

  it('can read a job that ended while no agent was there', async () => {
    await home.agent.startJob(intentOf('jalone'), sh(`${untilGo}; exit 3`));
    await until(startedOf('jalone'));
    await killAgent();
    const wrapper = wrapperOf('jalone');
    await home.write('jobs/jalone/go', '');
    await until(() => !isAlive(wrapper));
    await ensureAgent({ home: home.path });
    expect(await endedReading(home.agent, 'jalone')).toMatchObject({
      phase: 'failed',
      exit: { code: 3, signal: null },
    });
  });

  it('ends the program of a wrapper that died meanwhile, which reads as lost', async () => {
    await home.agent.startJob(intentOf('jboth', { graceSeconds: 0.2 }), sh(untilGo));
    await until(startedOf('jboth'));
    await killAgent();
    const child = childOf('jboth');
    process.kill(wrapperOf('jboth').pid, 'SIGKILL');
    await until(() => !isAlive(wrapperOf('jboth')));
    expect(isAlive(child)).toBe(true);
    await ensureAgent({ home: home.path });
    expect(await endedReading(home.agent, 'jboth')).toMatchObject({ phase: 'lost', exit: null });
    expect(isAlive(child)).toBe(false);
  });

  it('goes on with a stop that it was killed in', async () => {
    await home.agent.startJob(
      intentOf('jstopping', { graceSeconds: 1 }),
      sh(`trap 'touch told' TERM; ${untilGo}`),
    );
    await until(startedOf('jstopping'));
    const stopping = home.agent.stopJob('jstopping').catch((error: unknown) => error);
    await until(() => existsSync(join(folderOf('jstopping'), 'told')));
    await killAgent();
    expect(await stopping).toMatchObject({ code: 'HOST_AGENT_DOWN' });
    await ensureAgent({ home: home.path });
    expect(await endedReading(home.agent, 'jstopping')).toMatchObject({ phase: 'cancelled' });
  });

  it('keeps the limit of a job that it adopts', async () => {
    await home.agent.startJob(intentOf('jlimit', { timeoutSeconds: 0.5 }), sh(untilGo));
    await killAgent();
    await ensureAgent({ home: home.path });
    expect((await endedReading(home.agent, 'jlimit')).reason).toContain('limit of 0.5 s');
  });

  it('starts a job whose folder is whole and which nobody has started yet', async () => {
    await home.agent.startJob(intentOf('jhalf'), sh('exit 0'));
    await endedReading(home.agent, 'jhalf');
    await killAgent();
    // What an agent leaves that dies between the rename of the folder and the start of the wrapper.
    for (const file of ['wrapper.json', 'child.json', 'exit.json', 'result.json']) {
      await home.remove(join('jobs', 'jhalf', file));
    }
    await ensureAgent({ home: home.path });
    expect(await endedReading(home.agent, 'jhalf')).toMatchObject({ phase: 'succeeded' });
  });
});

describe('an agent', () => {
  it('is one per home, however many are started at once', async () => {
    await killAgent();
    const agents = await Promise.all(
      Array.from({ length: 4 }, () => ensureAgent({ home: home.path })),
    );
    const pids = await Promise.all(agents.map(async (agent) => (await agent.health()).pid));
    expect(new Set(pids).size).toBe(1);
  });

  it('that gets SIGTERM leaves its jobs and services running', async () => {
    await home.agent.startJob(intentOf('jstays'), sh(untilGo));
    await until(startedOf('jstays'));
    const service = await home.agent.startService(serviceOf('stays'));
    const { pid } = await home.agent.health();
    process.kill(pid, 'SIGTERM');
    await until(() => !isRunning(pid));
    expect(isAlive(childOf('jstays'))).toBe(true);
    await ensureAgent({ home: home.path });
    expect(await home.agent.readService('stays')).toEqual(service);
    expect((await home.agent.list()).jobs).toMatchObject([{ key: 'jstays', phase: 'running' }]);
  });

  it('that is shut down ends all that is its own', async () => {
    await home.agent.startJob(intentOf('jends'), sh(untilGo));
    await until(startedOf('jends'));
    const child = childOf('jends');
    const { pid } = await home.agent.startService(serviceOf('ends'));
    await home.agent.shutdown();
    expect(isAlive(child)).toBe(false);
    expect(isRunning(pid!)).toBe(false);
    await expect(home.agent.health()).rejects.toMatchObject({ code: 'HOST_AGENT_DOWN' });
    await ensureAgent({ home: home.path });
    const reading = await home.agent.readJob('jends');
    expect(reading.phase).toBe('cancelled');
    expect(reading.reason).toContain('with the host agent');
  });

  it('refuses a home whose socket path is too long', () => {
    expect(() => connectAgent(`/tmp/${'x'.repeat(100)}`)).toThrow(/a unix socket allows 107/);
  });
});

describe('a service', () => {
  it('is started once per name and spec', async () => {
    const [first, second] = await Promise.all([
      home.agent.startService(serviceOf('scorer')),
      home.agent.startService(serviceOf('scorer')),
    ]);
    expect(first.phase).toBe('running');
    expect(second).toEqual(first);
    await expect(
      home.agent.startService({ ...serviceOf('scorer'), env: { A: 'other' } }),
    ).rejects.toMatchObject({ code: 'NAME_TAKEN' });
  });

  it('that exited says how, and is started afresh with another spec', async () => {
    const first = await home.agent.startService(serviceOf('crash'));
    process.kill(first.pid!, 'SIGKILL');
    await until(async () => (await home.agent.readService('crash')).exit?.signal === 'SIGKILL');
    expect((await home.agent.readService('crash')).phase).toBe('exited');
    const again = await home.agent.startService({ ...serviceOf('crash'), env: { A: 'b' } });
    expect(again.phase).toBe('running');
    expect(again.pid).not.toBe(first.pid);
  });

  it('writes its log where its reading says, with what it printed before it failed', async () => {
    const spec = { ...serviceOf('talks'), command: sh('echo "$GREETING" >&2; exit 7') };
    const { logPath } = await home.agent.startService({ ...spec, env: { GREETING: 'hello' } });
    await until(async () => (await home.agent.readService('talks')).exit?.code === 7);
    expect(readFileSync(logPath, 'utf8')).toBe('hello\n');
  });

  it('that is stopped is gone when the call returns, also when it ignores SIGTERM', async () => {
    const deaf = {
      ...serviceOf('deaf'),
      command: sh("trap '' TERM; while :; do sleep 0.02; done"),
    };
    const { pid } = await home.agent.startService({ ...deaf, graceSeconds: 0.2 });
    await home.agent.stopService('deaf');
    expect(isRunning(pid!)).toBe(false);
    expect(await home.agent.readService('deaf')).toMatchObject({ phase: 'gone', pid: null });
    await home.agent.stopService('deaf');
  });

  it('goes on when its wrapper dies', async () => {
    const { pid } = await home.agent.startService(serviceOf('serves'));
    const folder = join(home.path, 'services', 'serves');
    process.kill(readRecord<ProcessIdentity>(folder, 'wrapper.json')!.pid, 'SIGKILL');
    expect(await home.agent.readService('serves')).toMatchObject({ phase: 'running', pid });
    await home.agent.stopService('serves');
    expect(isRunning(pid!)).toBe(false);
  });

  it('whose program is not there is TOOL_MISSING', async () => {
    await expect(
      home.agent.startService({ ...serviceOf('none'), command: ['/nowhere/envoy'] }),
    ).rejects.toMatchObject({ code: 'TOOL_MISSING' });
    expect(await home.agent.readService('none')).toMatchObject({ phase: 'gone' });
  });
});

function serviceOf(name: string): ServiceSpec {
  return { name, command: ['sleep', '300'], env: {}, graceSeconds: 1 };
}
