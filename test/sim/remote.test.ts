import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { connectWorld, serveWorld, type RemoteWorld } from '../../backends/sim/remote.ts';
import type { WorldScript } from '../../backends/sim/settings.ts';
import { createWorld, type World } from '../../backends/sim/world.ts';
import { attemptOf, trainSpec } from './job-spec.ts';

describe('serveWorld and connectWorld', () => {
  let folder: string;
  let socketPath: string;
  const closers: (() => Promise<void>)[] = [];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'orrery-sim-'));
    socketPath = join(folder, 'world.sock');
  });
  afterEach(async () => {
    for (const close of closers.splice(0)) await close();
    await rm(folder, { recursive: true });
  });
  const serve = async (script: WorldScript): Promise<World> => {
    const world = createWorld(script);
    const server = await serveWorld(world, socketPath);
    closers.push(() => server.close());
    return world;
  };
  const open = async (): Promise<RemoteWorld> => {
    const remote = await connectWorld(socketPath);
    closers.unshift(() => remote.close());
    return remote;
  };
  const startCaller = () => {
    const program = join(import.meta.dirname, 'remote-caller.ts');
    const child = spawn(process.execPath, [program, socketPath], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, output }));
    return { child, ended };
  };

  it('shows one world to several callers', async () => {
    await serve({});
    const [one, other] = [await open(), await open()];
    const bytes = new Uint8Array([0, 1, 255]);
    const ref = await one.ports.artifacts.put(bytes);
    expect([...(await other.ports.artifacts.read(ref))]).toEqual([...bytes]);
  });

  it('carries time to every caller with each reply', async () => {
    const world = await serve({});
    const remote = await open();
    expect(remote.clock.now()).toBe(world.clock.now());
    await remote.clock.sleep(5000);
    expect(remote.clock.now()).toBe(world.clock.now());
    expect(world.elapsedSeconds()).toBe(5);
  });

  it('carries errors with code, message and details', async () => {
    await serve({});
    const { ports } = await open();
    const next = { champion: 'v1', previous: null, challenger: null };
    await expect(
      ports.models.changeFact({ model: 'fraud', region: 'eu', expectedGeneration: 7, next }),
    ).rejects.toMatchObject({
      name: 'OrreryError',
      code: 'CHAMPION_MOVED',
      message: 'Cannot change who serves fraud/eu: its generation is 0, wanted 7',
    });
  });

  it('ends an aborted sleep at once for the caller and in the world', async () => {
    const world = await serve({ realMsPerSecond: 1000 });
    const remote = await open();
    const abort = new AbortController();
    const sleep = remote.clock.sleep(3_600_000, abort.signal);
    abort.abort(new Error('no longer wanted'));
    await expect(sleep).rejects.toThrow('no longer wanted');
    await remote.clock.sleep(1);
    expect(world.elapsedSeconds()).toBeLessThan(1);
  });

  it('lets a killed caller be followed by one that adopts its job', async () => {
    const world = await serve({
      faults: [{ call: 'compute.start', nth: 1, moment: 'after', throws: null }],
    });
    const first = startCaller();
    await world.faults.fired(1);
    first.child.kill('SIGKILL');
    expect((await first.ended).output).toBe('');
    const second = startCaller();
    const { code, output } = await second.ended;
    expect([code, JSON.parse(output)]).toEqual([0, { outcome: 'adopted', phase: 'succeeded' }]);
    expect(world.journal.of('job.started')).toHaveLength(1);
  });

  it('survives a caller that speaks another language', async () => {
    await serve({});
    const stranger = connect(socketPath);
    stranger.write('GET / HTTP/1.1\n');
    await once(stranger, 'close');
    const { ports } = await open();
    expect(await ports.models.read('fraud', 'v1')).toBeNull();
  });

  it('refuses what is no method of a port', async () => {
    await serve({});
    const caller = connect(socketPath);
    closers.unshift(async () => {
      caller.destroy();
    });
    caller.write('{"id":1,"call":"compute.constructor","args":[]}\n');
    const [reply] = (await once(caller, 'data')) as [Buffer];
    expect(JSON.parse(reply.toString())).toMatchObject({ id: 1, error: { code: 'INTERNAL' } });
  });

  it('fails calls that are open when the world goes, and calls after it', async () => {
    const world = createWorld({
      faults: [{ call: 'compute.start', moment: 'before', throws: null }],
    });
    const server = await serveWorld(world, socketPath);
    const { ports } = await open();
    const call = ports.compute.start(attemptOf(trainSpec(), 1));
    // Taken before the world goes, so that the rejection is never without a handler.
    const outcome = call.catch((error: unknown) => error);
    await world.faults.fired(1);
    await server.close();
    expect(await outcome).toMatchObject({ code: 'INTERNAL' });
    await expect(ports.models.fact('fraud', 'eu')).rejects.toMatchObject({ code: 'INTERNAL' });
  });

  it('refuses to connect where nobody serves, and paths that are too long', async () => {
    await expect(connectWorld(socketPath)).rejects.toMatchObject({ code: 'INTERNAL' });
    await expect(connectWorld(`/${'x'.repeat(200)}`)).rejects.toMatchObject({
      code: 'SETTINGS_INVALID',
    });
  });
});
