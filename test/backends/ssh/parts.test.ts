/** The parts of the ssh backend that need no server: words in, values out. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { sshError } from '../../../backends/ssh/errors.ts';
import { quoted } from '../../../backends/ssh/host.ts';
import type { Line } from '../../../backends/ssh/host.ts';
import { payloadOf } from '../../../backends/ssh/payload.ts';
import { toldBy } from '../../../backends/ssh/reading.ts';
import { sshSettings } from '../../../backends/ssh/settings.ts';
import { contractIntent } from '../../support/contract/harness.ts';

const SETTINGS = {
  host: 'gpu.internal',
  user: 'orrery',
  identityFile: '/keys/id',
  knownHostsFile: '/keys/known_hosts',
  root: '/srv/orrery',
  store: '/srv/store',
  usdPerHour: 1,
};

describe('The settings of ssh', () => {
  test('have defaults for port and patience', () => {
    expect(sshSettings.parse(SETTINGS)).toMatchObject({ port: 22, connectSeconds: 10 });
  });

  test.each([
    ['a host that the client would read as an option', { host: '-oProxyCommand=x' }, 'host'],
    ['a login that is none', { user: 'a b' }, 'user'],
    ['a root that is relative', { root: 'orrery' }, 'root'],
    ['a key file that is relative', { identityFile: 'id' }, 'identityFile'],
    ['a member that nobody knows', { password: 'x' }, 'password'],
  ])('refuse %s, naming it', (_, change, member) => {
    expect(() => sshSettings.parse({ ...SETTINGS, ...change })).toThrow(
      expect.objectContaining({
        code: 'SETTINGS_INVALID',
        message: expect.stringContaining(member),
      }),
    );
  });
});

test.each([
  [255, 'Host key verification failed.', 'SETTINGS_INVALID'],
  [255, 'WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!', 'SETTINGS_INVALID'],
  [255, 'u@h: Permission denied (publickey).', 'CREDENTIALS_INVALID'],
  [255, 'Load key "/k": invalid format', 'CREDENTIALS_INVALID'],
  [255, 'ssh: connect to host h port 22: Connection refused', 'BACKEND_UNAVAILABLE'],
  [255, 'Connection closed by 127.0.0.1 port 22', 'BACKEND_UNAVAILABLE'],
  [null, '', 'BACKEND_UNAVAILABLE'],
  [74, '', 'BACKEND_UNAVAILABLE'],
  [73, 'mkdir: cannot create directory ‘/x’: Permission denied', 'ACCESS_DENIED'],
  [73, 'cat: write error: No space left on device', 'DISK_FULL'],
  [69, 'flock: not found on the host', 'TOOL_MISSING'],
  [1, 'something else', 'BACKEND_UNAVAILABLE'],
])('Exit %s with "%s" is %s, in the far side’s own words', (code, told, wanted) => {
  const error = sshError('start the job j1', { code, told });
  expect(error.code).toBe(wanted);
  expect(error.message).toContain('Cannot start the job j1');
  if (told !== '') expect(error.message).toContain(told);
});

describe('A job as the host tells it', () => {
  const base64 = (value: string) => Buffer.from(value).toString('base64');
  const labels = { model: 'm', version: 'v', workflowId: 'training/m/v' };
  const lines = (...more: Line[]): Line[] => [
    ['spec', 'd'],
    ['labels', base64(JSON.stringify(labels))],
    ['now', '61000'],
    ['started', '1000'],
    ...more,
  ];
  const ended = (status: string, ...more: Line[]) =>
    lines(
      ['phase', 'ended'],
      ['revision', '2000000000'],
      ['ended', '11000'],
      ['status', status],
      ...more,
    );

  test.each<[string, Line[], object]>([
    [
      'running',
      lines(['phase', 'running'], ['revision', '1000000000']),
      { phase: 'running', billableSeconds: 60 },
    ],
    [
      'succeeded',
      ended('0', ['output', 'a 3 model.onnx']),
      { phase: 'succeeded', billableSeconds: 10 },
    ],
    ['failed without an output', ended('0', ['absent', 'x']), { phase: 'failed', outputs: [] }],
    ['failed', ended('3'), { phase: 'failed', exit: { code: 3, signal: null } }],
    ['rejected', ended('64'), { phase: 'failed', reason: 'exit code 64: it rejected its input' }],
    ['killed', ended('137'), { phase: 'failed', exit: { code: null, signal: 'SIGKILL' } }],
    ['preempted', ended('143'), { phase: 'failed', exit: { code: 143, signal: null } }],
    ['stopped', ended('143', ['stopped', '1']), { phase: 'cancelled' }],
    ['stopped too late', ended('0', ['stopped', '1']), { phase: 'succeeded' }],
    [
      'over its limit',
      ended('124', ['timedout', '1']),
      { reason: 'stopped at its limit of time; exit code 124' },
    ],
    ['lost', lines(['phase', 'lost'], ['revision', '2000000000']), { phase: 'lost', exit: null }],
  ])('that is %s reads so', (_, told, wanted) => {
    expect(toldBy(told)).toMatchObject({ labels, ...wanted });
  });

  test('that it does not know is null, and an answer that is none is REPLY_MALFORMED', () => {
    expect(toldBy([['phase', 'unknown']])).toBeNull();
    expect(() => toldBy([['<html>', '']])).toThrow(
      expect.objectContaining({ code: 'REPLY_MALFORMED' }),
    );
  });

  test('has no progress when the program writes something else', () => {
    const text = (progress: string) =>
      toldBy(lines(['phase', 'running'], ['revision', '1'], ['progress', base64(progress)]));
    expect(text('{"step":1,"steps":2,"message":"m"}')?.progress?.step).toBe(1);
    expect(text('half a {')?.progress).toBeNull();
    expect(text('null')?.progress).toBeNull();
    expect(text('[]')?.progress).toBeNull();
  });
});

describe('The payload of a new job', () => {
  const job = (command: readonly string[]) =>
    contractIntent({ command, version: 'v1', outputs: ['model.onnx'] }, 'n');

  test('quoted words reach the program of a POSIX shell as they are', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (word) => {
        fc.pre(!word.includes('\0') && !/\p{Surrogate}/u.test(word));
        const echoed = execFileSync('sh', ['-c', `printf %s ${quoted(word)}`], {
          encoding: 'utf8',
        });
        expect(echoed).toBe(word);
      }),
      { numRuns: 25 },
    );
  });

  test('writes every file of the folder, whatever params and words hold', () => {
    const folder = mkdtempSync(join(tmpdir(), 'orrery-payload-'));
    const intent = job(["it's", '$(touch owned)', '`x`', '\n']);
    const { text, sha256 } = payloadOf(intent, '/srv');
    expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    execFileSync('sh', ['-c', text], { cwd: folder });
    const read = (name: string) => readFileSync(join(folder, name), 'utf8');
    expect(read('spec')).toBe(intent.specDigest);
    expect(JSON.parse(read('params.json'))).toEqual(intent.spec.params);
    expect(read('promised')).toBe('model.onnx\n');
    expect(read('limits')).toBe('5 120 120000\n');
    rmSync(folder, { recursive: true });
  });

  test.each(['../x', 'a/b', '.hidden', '', 'a b', '-rf'])('refuses the output "%s"', (name) => {
    const intent = job(['x']);
    const spec = { ...intent.spec, outputs: [name] };
    expect(() => payloadOf({ ...intent, spec }, '/srv')).toThrow(
      expect.objectContaining({ code: 'SPEC_REJECTED' }),
    );
  });
});
