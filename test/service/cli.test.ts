import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { generateApproverKey } from '../../kernels/evidence/keys.ts';
import type { Io } from '../../service/cli/io.ts';
import { runCli } from '../../service/cli/program.ts';
import { engineDouble } from './engine-double.ts';
import type { EngineDouble } from './engine-double.ts';
import { requestJson, retrainJson } from './requests.ts';

let home: string;
let engine: EngineDouble;
let opened: number;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'orrery-cli-'));
  engine = engineDouble();
  opened = 0;
});
afterEach(() => rm(home, { recursive: true, force: true }));

async function orrery(args: string[], more: { stdin?: unknown; answer?: boolean } = {}) {
  let out = '';
  let err = '';
  const io: Io = {
    env: { ORRERY_HOME: home, ORRERY_USER: 'ada' },
    interactive: more.answer !== undefined,
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    readStdin: async () =>
      typeof more.stdin === 'string' ? more.stdin : JSON.stringify(more.stdin),
    confirm: async () => more.answer === true,
    openEngine: async () => {
      opened += 1;
      return {
        client: engine.client,
        address: 'double',
        namespace: 'default',
        close: async () => void (opened -= 1),
      };
    },
  };
  const code = await runCli(args, io);
  return { code, out, err };
}
const start = () => orrery(['lifecycle', 'start', '--request', '-'], { stdin: requestJson() });

describe('orrery lifecycle', () => {
  it('starts what standard input holds and names the next command', async () => {
    const { code, out } = await start();
    expect(code).toBe(0);
    expect(out).toBe('Started lifecycle/fraud/v1\nnext: orrery lifecycle watch fraud v1\n');
    expect((await start()).out).toContain('holds it already');
    expect(opened).toBe(0);
  });

  it('checks a request without a server for --dry-run', async () => {
    engine.down = true;
    const args = ['lifecycle', 'start', '--request', '-', '--dry-run', '--json'];
    const { code, out } = await orrery(args, { stdin: requestJson() });
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      workflowId: 'lifecycle/fraud/v1',
      request: { costUsdMax: null },
    });
  });

  it('says code, members and next step of a request that does not fit', async () => {
    const args = ['lifecycle', 'start', '--request', '-'];
    const bad = await orrery(args, { stdin: requestJson({ author: '' }) });
    expect(bad.code).toBe(1);
    expect(bad.err).toMatch(/^error REQUEST_INVALID: Cannot take the lifecycle request: author: /);
    expect(bad.err).toContain('\nnext: Correct the members');
    expect((await orrery(args, { stdin: 'no json' })).err).toContain('it is not JSON');
    const json = await orrery([...args, '--json'], { stdin: requestJson({ author: '' }) });
    expect(JSON.parse(json.err)).toMatchObject({ code: 'REQUEST_INVALID', retryable: false });
  });

  it('lists and shows', async () => {
    await start();
    expect((await orrery(['lifecycle', 'list'])).out).toContain('RUNNING');
    expect((await orrery(['lifecycle', 'show', 'fraud', 'v1'])).out).toContain('superviseJob');
    expect((await orrery(['lifecycle', 'history', 'fraud', 'v1', '--json'])).out).toBe('[]\n');
    const missing = await orrery(['lifecycle', 'show', 'fraud', 'v9']);
    expect(missing.code).toBe(1);
    expect(missing.err).toContain('error NOT_FOUND: Cannot show lifecycle/fraud/v9');
  });

  it('signs an approval with the key of a file', async () => {
    await start();
    const key = join(home, 'approver.pem');
    await writeFile(key, generateApproverKey().privateKey);
    const args = ['lifecycle', 'approve', 'fraud', 'v1', '--key', key, '--reject'];
    expect(await orrery([...args, '--reason', 'recall fell'])).toMatchObject({ code: 0 });
    expect(engine.writes.at(-1)).toMatchObject({
      what: 'approve',
      value: { statement: { decision: 'reject', reason: 'recall fell' } },
    });
    await writeFile(key, 'no key');
    expect((await orrery(args)).err).toContain('error SETTINGS_INVALID');
  });

  it('orders in the name of the user', async () => {
    await start();
    expect((await orrery(['lifecycle', 'pause', 'fraud', 'v1'])).out).toBe('pause done\n');
    expect(engine.writes.at(-1)?.value).toEqual({ by: 'ada', reason: '' });
    const refused = await orrery(['lifecycle', 'resume', 'fraud', 'v1', '--reason', 'refuse']);
    expect(refused).toMatchObject({ code: 1, out: '' });
    expect(refused.err).toContain('error ORDER_REFUSED');
  });

  it('asks before it rolls back or cancels, and refuses where nobody can be asked', async () => {
    await start();
    const rollback = ['lifecycle', 'rollback', 'fraud', 'v1', '--reason', 'harm'];
    expect((await orrery(rollback)).code).toBe(2);
    expect((await orrery(rollback, { answer: false })).out).toBe('');
    expect(engine.writes).toHaveLength(1);
    expect((await orrery(rollback, { answer: true })).out).toBe('rollback done\n');
    expect((await orrery(['lifecycle', 'cancel', 'fraud', 'v1', '-y'])).code).toBe(0);
    expect(engine.writes.map(({ what }) => what)).toEqual(['start', 'rollback', 'cancel']);
  });

  it('tells a server that is down in one block', async () => {
    engine.down = true;
    const { code, err } = await orrery(['lifecycle', 'list']);
    expect(code).toBe(1);
    expect(err).toMatch(/^error ENGINE_UNREACHABLE: .*\nnext: Start it with `make up`.*\n$/);
  });
});

describe('orrery schedule', () => {
  const create = ['schedule', 'create', '--request', '-'];
  it('creates, lists, shows, orders and deletes', async () => {
    const cron = [...create, '--cron', '0 3 * * 1', '--jitter', '60'];
    expect((await orrery(cron, { stdin: retrainJson() })).out).toBe('Created retrain-fraud\n');
    expect((await orrery(['schedule', 'list'])).out).toContain('retrain-fraud');
    expect((await orrery(['schedule', 'show', 'fraud'])).out).toContain('86400');
    for (const order of ['trigger', 'pause', 'unpause']) {
      expect((await orrery(['schedule', order, 'fraud'])).code).toBe(0);
    }
    const backfill = ['schedule', 'backfill', 'fraud', '--from', '2026-11-01T00:00:00Z', '--to'];
    expect((await orrery([...backfill, '2026-11-02T00:00:00Z'])).code).toBe(0);
    expect((await orrery([...backfill, '2026-10-02T00:00:00Z'])).code).toBe(1);
    expect((await orrery(['schedule', 'delete', 'fraud'])).code).toBe(2);
    expect((await orrery(['schedule', 'delete', 'fraud', '-y'])).code).toBe(0);
    expect((await orrery(['schedule', 'show', 'fraud'])).err).toContain('NOT_FOUND');
  });
  it('tells a cron expression that the server refuses', async () => {
    const { code, err } = await orrery([...create, '--cron', 'nonsense'], { stdin: retrainJson() });
    expect(code).toBe(1);
    expect(err).toContain('error REQUEST_INVALID: Cannot create schedule retrain-fraud');
  });
  it('refuses a schedule without a time before it asks the server', async () => {
    engine.down = true;
    const { code, err } = await orrery(create, { stdin: retrainJson() });
    expect(code).toBe(1);
    expect(err).toContain('neither of cron and everySeconds');
  });
});

describe('orrery', () => {
  it('reports an incident for every region', async () => {
    await start();
    await orrery(['incident', 'report', 'fraud', 'v1', '--description', 'pager']);
    expect(engine.writes.at(-1)).toEqual({
      what: 'reportIncident',
      value: { region: null, description: 'pager' },
    });
  });

  it('lists logs and prints the end of one, and of nothing else', async () => {
    expect((await orrery(['logs'])).out).toContain('No logs');
    await mkdir(join(home, 'logs'));
    await writeFile(join(home, 'logs', 'worker.log'), 'one\ntwo\nthree\n');
    await writeFile(join(home, 'secret'), 'secret');
    expect((await orrery(['logs'])).out).toContain('worker');
    expect((await orrery(['logs', 'worker', '--lines', '2'])).out).toBe('two\nthree\n');
    const outside = await orrery(['logs', '../secret']);
    expect(outside).toMatchObject({ code: 1, out: '' });
    expect(outside.err).toContain('NOT_FOUND');
  });

  it.each([
    ['an unknown command', ['lifecycle', 'begin']],
    ['an unknown option', ['lifecycle', 'list', '--colour']],
    ['a missing argument', ['lifecycle', 'show', 'fraud']],
    ['a limit that is no number', ['lifecycle', 'list', '--limit', 'many']],
    ['no command', []],
  ])('exits 2 for %s', async (_, args) => {
    expect((await orrery(args)).code).toBe(2);
    expect(opened).toBe(0);
  });

  it('explains every command with an example', async () => {
    const commands = [
      ...['start', 'list', 'show', 'watch', 'history', 'approve', 'pause', 'resume'].map((name) => [
        'lifecycle',
        name,
      ]),
      ...['create', 'list', 'show', 'trigger', 'delete', 'backfill'].map((name) => [
        'schedule',
        name,
      ]),
      ['incident', 'report'],
      ['setup'],
      ['logs'],
      ['doctor'],
    ];
    for (const command of commands) {
      const { code, out } = await orrery([...command, '--help']);
      expect(code).toBe(0);
      expect(out).toContain('Examples:\n  $ ');
      expect(out).toContain('--json');
    }
  });
});
