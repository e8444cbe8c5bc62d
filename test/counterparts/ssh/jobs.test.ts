/** What the contract cannot ask of every backend: files, crashes and lies of one host over SSH. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';

import { backend } from '../../../backends/ssh/index.ts';
import type { SshSettings } from '../../../backends/ssh/settings.ts';
import type { OpenBackend } from '../../../core/backend.ts';
import type { ArtifactRef } from '../../../core/ports/artifacts.ts';
import type { Compute, JobReading, JobSpec } from '../../../core/ports/compute.ts';
import { jobIntent } from '../../../core/training/job-key.ts';
import { contractSpec, expectCode, freshName } from '../../support/contract/harness.ts';
import { freePort } from '../../../workers/ports.ts';
import { until } from '../../support/until.ts';
import { startCutWire } from './cut-wire.ts';
import { sshSettingsIn } from './settings.ts';

jest.setTimeout(300_000);

const folder = mkdtempSync(join(tmpdir(), 'orrery-ssh-jobs-'));
let settings: SshSettings;
let open: OpenBackend;
let compute: Compute;
beforeAll(async () => {
  settings = await sshSettingsIn(folder);
  open = await backend.open(settings);
  compute = open.ports.compute!;
});
afterAll(async () => {
  await open.close();
  rmSync(folder, { recursive: true, force: true });
});

function intentOf(script: string, more: Partial<JobSpec> = {}) {
  const nonce = freshName('job');
  const command = ['/bin/sh', '-c', script];
  const spec = { ...contractSpec({ command, version: 'v1', outputs: [] }, nonce), ...more };
  return jobIntent({ workflowId: nonce, firstRunId: 'r', step: 's', attempt: 1 }, spec);
}
type Intent = ReturnType<typeof intentOf>;

const pathOf = ({ key }: Intent, name: string) => join(settings.root, 'jobs', key, name);
const numberIn = (intent: Intent, name: string) => Number(readFileSync(pathOf(intent, name)));

async function started(script: string, more: Partial<JobSpec> = {}): Promise<Intent> {
  const intent = intentOf(script, more);
  await compute.start(intent);
  await until('the program runs', async () => (existsSync(pathOf(intent, 'pid')) ? true : null));
  return intent;
}

async function endOf({ key }: Intent): Promise<JobReading> {
  for (let since = -1; ;) {
    const reading = await compute.read({ key, remoteId: key }, { since, waitMs: 5000 });
    if (!['pending', 'running'].includes(reading.phase)) return reading;
    since = reading.revision;
  }
}

function artifact(name: string, text: string): ArtifactRef {
  const path = join(folder, name);
  writeFileSync(path, text);
  const sha256 = createHash('sha256').update(text).digest('hex');
  return { uri: pathToFileURL(path).href, sha256, bytes: Buffer.byteLength(text) };
}

describe('Files of a job over SSH', () => {
  test('are copied to the host by reference, and outputs come back into the store by digest', async () => {
    const ref = artifact('data.csv', "it's,a\ntable,$HOME\n");
    const intent = intentOf(
      'cp "$ORRERY_INPUT_DIR/data.csv" "$ORRERY_OUTPUT_DIR/copy.csv"; cp "$ORRERY_PARAMS_FILE" "$ORRERY_OUTPUT_DIR/params.json"',
      {
        inputs: { 'data.csv': ref, 'same.csv': ref },
        outputs: ['copy.csv', 'params.json'],
        params: { text: 'it\'s `quoted` "$PATH" \\n ✓', number: 0.5 },
      },
    );
    await compute.start(intent);
    const { outputs } = await endOf(intent);
    expect(outputs['copy.csv']).toMatchObject({ sha256: ref.sha256, bytes: ref.bytes });
    const store = join(settings.store, 'sha256');
    const { sha256 } = outputs['params.json']!;
    const params = readFileSync(join(store, sha256.slice(0, 2), sha256), 'utf8');
    expect(JSON.parse(params)).toEqual(intent.spec.params);
  });

  test('are refused when the bytes are others, or lie nowhere that the worker can read', async () => {
    const ref = artifact('small.csv', 'a\n1\n');
    const startWith = (input: ArtifactRef, name = 'x') =>
      compute.start(intentOf('true', { inputs: { [name]: input } }));
    const other = { ...artifact('other.csv', 'a\n2\n'), sha256: ref.sha256 };
    await expectCode(startWith(other), 'ARTIFACT_CORRUPT');
    const missing = pathToFileURL(join(folder, 'nothing')).href;
    await expectCode(startWith({ ...ref, uri: missing }), 'ARTIFACT_MISSING');
    await expectCode(startWith({ ...ref, uri: 's3://bucket/x' }), 'OPERATION_UNSUPPORTED');
    await expectCode(startWith(ref, '../escape'), 'SPEC_REJECTED');
  });

  test('fail the job when one that it promised is not there', async () => {
    const intent = intentOf('true', { outputs: ['model.onnx'] });
    await compute.start(intent);
    const { phase, reason } = await endOf(intent);
    expect(phase).toBe('failed');
    expect(reason).toContain('model.onnx');
  });

  test('of checkpoints outlive an attempt that fails and go when one succeeds', async () => {
    const scope = { checkpointScope: freshName('c') };
    const first = intentOf('echo 7 > "$ORRERY_CHECKPOINT_DIR/at"; exit 1', scope);
    await compute.start(first);
    expect((await endOf(first)).phase).toBe('failed');
    const second = intentOf('cat "$ORRERY_CHECKPOINT_DIR/at"', scope);
    await compute.start(second);
    expect((await endOf(second)).phase).toBe('succeeded');
    expect(existsSync(join(settings.root, 'checkpoints', scope.checkpointScope))).toBe(false);
  });
});

describe('A job over SSH', () => {
  test('over its limit of time is ended and has failed', async () => {
    const intent = intentOf('sleep 100', { timeoutSeconds: 1 });
    await compute.start(intent);
    expect(await endOf(intent)).toMatchObject({
      phase: 'failed',
      reason: expect.stringMatching(/limit of time/),
    });
  });

  test('that ignores SIGTERM is killed after its grace, with what it left running', async () => {
    const script =
      'trap "" TERM; sleep 300 & echo $! > "$ORRERY_OUTPUT_DIR/child"; wait; sleep 300';
    const intent = await started(script, { graceSeconds: 1 });
    await until('it has a child', async () => numberIn(intent, 'outputs/child') || null);
    const { phase, exit } = await compute.stop({ key: intent.key, remoteId: '' });
    expect({ phase, exit }).toEqual({
      phase: 'cancelled',
      exit: { code: null, signal: 'SIGKILL' },
    });
    const child = numberIn(intent, 'outputs/child');
    await until('the child is gone', async () => (existsSync(`/proc/${child}`) ? null : true));
  });

  test('that succeeds within the grace of its stop has succeeded', async () => {
    const intent = await started('trap "exit 0" TERM; while :; do sleep 0.1; done');
    expect((await compute.stop({ key: intent.key, remoteId: '' })).phase).toBe('succeeded');
  });

  test('tells its progress with its metrics, and gets SIGUSR1 for a checkpoint', async () => {
    const script =
      'say() { echo "$1" > p && mv p "$ORRERY_PROGRESS_FILE"; }; ' +
      'trap \'say "{\\"step\\":2,\\"steps\\":2,\\"message\\":\\"saved\\"}"\' USR1; ' +
      'say \'{"step":1,"steps":2,"message":"on","metrics":{"loss":0.5}}\'; while :; do sleep 0.1; done';
    const intent = await started(script);
    const handle = { key: intent.key, remoteId: '' };
    const told = await until('it tells progress', async () => {
      const reading = await compute.read(handle);
      return reading.progress === null ? null : reading;
    });
    expect(told.progress).toEqual({ step: 1, steps: 2, message: 'on', metrics: { loss: 0.5 } });
    await compute.requestCheckpoint(handle);
    const next = await compute.read(handle, { since: told.revision, waitMs: 20_000 });
    expect(next.progress?.message).toBe('saved');
    await compute.stop(handle);
  });

  test('whose processes were all killed is lost, and its next start is dead', async () => {
    const intent = await started('sleep 300');
    const wrapper = Number(
      readFileSync(`/proc/${numberIn(intent, 'group')}/stat`, 'utf8').split(' ')[3],
    );
    // run.sh and the lock's holder are one group, the program another.
    process.kill(-Number(readFileSync(`/proc/${wrapper}/stat`, 'utf8').split(' ')[4]), 'SIGKILL');
    process.kill(-numberIn(intent, 'group'), 'SIGKILL');
    expect(await endOf(intent)).toMatchObject({ phase: 'lost', exit: null });
    expect((await compute.start(intent)).outcome).toBe('dead');
  });

  test('whose run.sh alone was killed runs on, can be stopped, and is lost then', async () => {
    const intent = await started('sleep 300');
    const wrapper = Number(
      readFileSync(`/proc/${numberIn(intent, 'group')}/stat`, 'utf8').split(' ')[3],
    );
    process.kill(-Number(readFileSync(`/proc/${wrapper}/stat`, 'utf8').split(' ')[4]), 'SIGKILL');
    const handle = { key: intent.key, remoteId: '' };
    expect((await compute.read(handle)).phase).toBe('running');
    expect((await compute.stop(handle)).phase).toBe('lost');
    expect(existsSync(`/proc/${numberIn(intent, 'pid')}`)).toBe(false);
  });

  test('whose starter died before the launch is pending; the next start launches it', async () => {
    const intent = intentOf('echo once >> "$ORRERY_OUTPUT_DIR/runs"', { outputs: ['runs'] });
    await compute.start(intent);
    expect((await endOf(intent)).phase).toBe('succeeded');
    unlaunch(intent);
    expect((await compute.read({ key: intent.key, remoteId: '' })).phase).toBe('pending');
    expect((await compute.start(intent)).outcome).toBe('adopted');
    expect((await endOf(intent)).phase).toBe('succeeded');
  });

  test('that nobody launched can be stopped, and is never launched after', async () => {
    const intent = intentOf('exit 1');
    await compute.start(intent);
    await endOf(intent);
    unlaunch(intent);
    expect((await compute.stop({ key: intent.key, remoteId: '' })).phase).toBe('cancelled');
    expect((await compute.start(intent)).outcome).toBe('dead');
    expect(existsSync(pathOf(intent, 'started'))).toBe(false);
  });

  /** Puts the folder back to what it was between the claim and the launch. */
  function unlaunch(intent: Intent): void {
    for (const name of ['started', 'exit', 'group', 'pid', 'log']) rmSync(pathOf(intent, name));
    for (const name of ['inputs', 'outputs', 'work']) {
      rmSync(pathOf(intent, name), { recursive: true, force: true });
    }
    for (const name of ['inputs', 'outputs', 'work']) {
      mkdirSync(pathOf(intent, name));
    }
  }
});

test('Connections that are cut at any byte leave one job for each key, which ran once', async () => {
  const wire = await startCutWire(settings.port);
  const known = join(folder, 'known_hosts');
  const trusted = readFileSync(settings.knownHostsFile, 'utf8');
  writeFileSync(known, trusted.replace(`:${settings.port} `, `:${wire.port} `));
  const through = await backend.open({ ...settings, port: wire.port, knownHostsFile: known });
  const runs = join(folder, 'runs');
  const input = artifact('cut.csv', 'x'.repeat(2000));
  const inputs = { 'data.csv': input };
  const one = (at: number) =>
    intentOf(`echo ${at} >> ${runs}; echo done > "$ORRERY_OUTPUT_DIR/out"`, {
      inputs,
      outputs: ['out'],
    });
  try {
    // A whole start tells how many bytes there are to be cut.
    await through.ports.compute!.start(one(0));
    const bytes = wire.lastBytes;
    for (let at = 1; at <= CUTS; at += 1) {
      const intent = one(at);
      wire.cutAfter = Math.round((bytes * at) / CUTS);
      await through.ports.compute!.start(intent).catch((error: unknown) => {
        expect(error).toMatchObject({ code: 'BACKEND_UNAVAILABLE' });
      });
      wire.cutAfter = null;
      await through.ports.compute!.start(intent);
      expect((await endOf(intent)).phase).toBe('succeeded');
    }
    expect(wire.cuts).toBeGreaterThan(CUTS / 2);
    const ran = readFileSync(runs, 'utf8').trim().split('\n').map(Number);
    expect(ran).toEqual(Array.from({ length: CUTS + 1 }, (_, at) => at));
  } finally {
    await wire.close();
  }
});
const CUTS = 20;

describe('A host that cannot be used', () => {
  const opened = async (change: Partial<SshSettings>) => backend.open({ ...settings, ...change });
  const listing = async (change: Partial<SshSettings>) =>
    (await opened(change)).ports.inventory!.list();
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };

  test('is told by code: nobody listens, a strange key of the host, a key that it refuses', async () => {
    await expectCode(listing({ port: await freePort() }), 'BACKEND_UNAVAILABLE');
    await expectCode(listing({ host: 'no-such-host.invalid' }), 'BACKEND_UNAVAILABLE');
    await expectCode(listing({ knownHostsFile: file('nobody', '') }), 'SETTINGS_INVALID');
    await expectCode(listing({ identityFile: join(folder, 'no-key') }), 'CREDENTIALS_INVALID');
    await expectCode(listing({ user: 'stranger' }), 'CREDENTIALS_INVALID');
  });

  test('is a finding of check with what to do, and a good one has nothing missing', async () => {
    const down = await (await opened({ port: await freePort() })).check!();
    expect(down).toMatchObject([{ subject: 'endpoint', state: 'missing' }]);
    const refused = await (await opened({ user: 'stranger' })).check!();
    expect(refused).toMatchObject([{ subject: 'credentials', state: 'missing' }]);
    const good = await open.check!();
    expect(good.map(({ subject }) => subject)).toEqual([
      'endpoint',
      'credentials',
      'root',
      'tools',
      'disk',
    ]);
    expect(good.filter(({ subject, state }) => state !== 'ok' && subject !== 'disk')).toEqual([]);
  });
});
