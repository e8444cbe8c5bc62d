import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { OrreryError } from '../../core/errors.ts';
import type { BackendDescription, BackendOrder } from '../../core/operations/order.ts';
import type { RemoteWork } from '../../core/ports/inventory.ts';
import type { Io } from '../../service/cli/io.ts';
import { runCli } from '../../service/cli/program.ts';
import { stopOrphans } from '../../service/operations/work.ts';
import { engineDouble } from './engine-double.ts';
import type { EngineDouble } from './engine-double.ts';
import { requestJson } from './requests.ts';

let home: string;
let engine: EngineDouble;
/** Kind of an order → what the worker answers. */
let answers: Partial<Record<BackendOrder['kind'], (order: never) => unknown>>;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'orrery-backends-'));
  engine = engineDouble();
  answers = {
    list: () => ({ items: BACKENDS, left: 0 }),
    check: ({ backend }: { backend: string }) => CHECKS[backend],
    quotePrice: ({ backend }: { backend: string }) => ({
      usdPerHour: backend === 'cloud' ? 2 : 0.5,
      source: 'book',
      asOf: '2026-11-24',
    }),
  };
  engine.carryOut = (order) => {
    const answer = answers[order.kind];
    if (answer === undefined) throw new OrreryError('INTERNAL', `no answer to ${order.kind}`);
    return answer(order as never);
  };
});
afterEach(() => rm(home, { recursive: true, force: true }));

async function orrery(args: string[], more: { stdin?: unknown; answer?: boolean } = {}) {
  let out = '';
  let err = '';
  const asked: string[] = [];
  const io: Io = {
    env: { ORRERY_HOME: home, ORRERY_USER: 'ada' },
    interactive: more.answer !== undefined,
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    readStdin: async () => JSON.stringify(more.stdin),
    confirm: async (question) => {
      asked.push(question);
      return more.answer === true;
    },
    openEngine: async () => ({
      client: engine.client,
      address: 'double',
      namespace: 'default',
      close: async () => undefined,
    }),
  };
  const code = await runCli(args, io);
  return { code, out, err, asked };
}
const orders = (kind: BackendOrder['kind']) =>
  engine.writes
    .filter(({ what }) => what === 'order')
    .map(({ value }) => value as BackendOrder)
    .filter((order) => order.kind === kind);
const refuse = (code: 'PORT_MISSING' | 'BACKEND_UNAVAILABLE', message: string) => () => {
  throw new OrreryError(code, message);
};

const backend = (name: string, more: Partial<BackendDescription> = {}): BackendDescription => ({
  name,
  summary: `the ${name}`,
  has: ['compute', 'inventory', 'prices'],
  lacks: { pools: 'it has one' },
  configured: true,
  ...more,
});
const BACKENDS = [
  backend('cloud'),
  backend('host', { has: ['compute', 'prices'] }),
  backend('other', { configured: false }),
];
const found = (state: 'ok' | 'missing', subject: string, told: string) => ({
  subject,
  state,
  told,
  action: state === 'ok' ? '' : 'Mend it',
});
const CHECKS: Readonly<Record<string, unknown>> = {
  cloud: {
    findings: [found('ok', 'endpoint', 'eu-west-1'), found('missing', 'quota', 'none left')],
    seconds: 0.25,
  },
  host: { findings: null, seconds: 0.1 },
};

describe('orrery backends', () => {
  it('lists like a price list: ports, endpoint, price of an hour, state', async () => {
    const { code, out } = await orrery(['backends', 'list', '--cpus', '8']);
    expect(code).toBe(0);
    const [, cloud, host, other, machine] = out.split('\n');
    expect(cloud).toMatch(
      /^cloud +compute inventory prices +eu-west-1 +2\.00 +missing: quota: none/,
    );
    expect(host).toMatch(/^host +compute prices +0\.5000 +unchecked$/);
    expect(other).toMatch(/^other .* not configured$/);
    expect(machine).toContain('8 CPUs, 16 GiB');
    expect(orders('check').map((order) => 'backend' in order && order.backend)).toEqual([
      'cloud',
      'host',
    ]);
    const json = await orrery(['backends', 'list', '--json']);
    expect(JSON.parse(json.out)).toMatchObject({ machine: { cpus: 4 }, offers: { length: 3 } });
  });

  it('describes what a backend has and why it lacks the rest, and names the others', async () => {
    const { out } = await orrery(['backends', 'describe', 'cloud']);
    expect(out).toMatch(/^compute +yes$/m);
    expect(out).toMatch(/^pools +no +it has one$/m);
    const strange = await orrery(['backends', 'describe', 'mainframe']);
    expect(strange.err).toContain('error BACKEND_UNKNOWN');
    expect(strange.err).toContain('cloud, host, other');
  });

  it('checks those that are configured, and exits 1 when something is missing', async () => {
    const all = await orrery(['backends', 'check']);
    expect(all.code).toBe(1);
    expect(all.out).toMatch(/missing +quota +none left +Mend it/);
    expect((await orrery(['backends', 'check', 'host'])).code).toBe(0);
    expect((await orrery(['backends', 'check', 'other'])).out).toContain('not configured');
    expect((await orrery(['backends', 'check', 'mainframe'])).err).toContain('BACKEND_UNKNOWN');
  });

  it('tells a check that fails as one finding among the others', async () => {
    answers.check = refuse('BACKEND_UNAVAILABLE', 'Cannot reach it: HTTP 503');
    const { code, out } = await orrery(['backends', 'check', '--json']);
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject([
      { backend: 'cloud', state: 'unknown', findings: [{ told: 'Cannot reach it: HTTP 503' }] },
      { backend: 'host', state: 'unknown' },
    ]);
  });
});

const work = (key: string, workflowId: string, more: Partial<RemoteWork> = {}): RemoteWork => ({
  port: 'compute',
  key,
  remoteId: `jobs/${key}`,
  phase: 'running',
  labels: { model: 'fraud', version: 'v1', workflowId },
  startedAt: '2026-11-24T00:00:00Z',
  billableSeconds: 3600,
  costUsd: 2,
  ...more,
});

describe('orrery work', () => {
  beforeEach(() => {
    const items = [
      work('j1', 'training/fraud/v1'),
      work('j2', 'training/fraud/v2'),
      work('j3', 'training/fraud/v3'),
      work('j4', 'training/fraud/v2', { phase: 'failed' }),
    ];
    answers.inventory = () => ({ items, left: 0 });
    answers.stopWork = () => ({ phase: 'cancelled', reason: 'stopped on request', seconds: 3601 });
    engine.statuses.set('training/fraud/v1', 'RUNNING').set('training/fraud/v2', 'FAILED');
  });

  it('lists all work with seconds, cost and owner; an orphan is live and has no running workflow', async () => {
    const { out } = await orrery(['work', 'list']);
    expect(out).toMatch(/jobs\/j1 +running +3600 +2\.00 +running +training\/fraud\/v1/);
    expect(out).toMatch(/jobs\/j2 +running +3600 +2\.00 +ended \(orphan\)/);
    expect(out).toMatch(/jobs\/j3 .* unknown \(orphan\)/);
    expect(out).toMatch(/jobs\/j4 +failed .* ended +training/);
    const { work: orphans } = JSON.parse(
      (await orrery(['work', 'list', '--orphans', '--json'])).out,
    ) as { work: { key: string }[] };
    expect(orphans.map(({ key }) => key)).toEqual(['j2', 'j3']);
  });

  it('asks only backends that are configured and can tell, and says who did not', async () => {
    answers.inventory = refuse('BACKEND_UNAVAILABLE', 'HTTP 503');
    const { code, out } = await orrery(['work', 'list']);
    expect(code).toBe(0);
    expect(out).toContain('Not told by cloud: BACKEND_UNAVAILABLE: HTTP 503');
    expect(orders('inventory')).toEqual([{ kind: 'inventory', backend: 'cloud' }]);
    expect((await orrery(['work', 'sweep'])).code).toBe(1);
    const strange = await orrery(['work', 'list', '--backend', 'mainframe']);
    expect(strange.err).toContain('BACKEND_UNKNOWN');
  });

  it('sweeps without stopping anything unless it is told to, and not without a yes', async () => {
    expect((await orrery(['work', 'sweep'])).out).toContain('jobs/j2');
    expect((await orrery(['work', 'sweep', '--stop'])).code).toBe(2);
    const no = await orrery(['work', 'sweep', '--stop'], { answer: false });
    expect(no.asked[0]).toMatch(/^Stop 2 pieces of work\? 1 of them belong to workflows that this/);
    expect(orders('stopWork')).toEqual([]);
  });

  it('stops orphans with -y and reports the state that was read', async () => {
    const { code, out } = await orrery(['work', 'sweep', '--stop', '-y']);
    expect(code).toBe(0);
    expect(out).toMatch(/cloud +jobs\/j2 +cancelled +stopped on request/);
    expect(orders('stopWork').map((order) => 'work' in order && order.work)).toEqual([
      { port: 'compute', key: 'j2', remoteId: 'jobs/j2' },
      { port: 'compute', key: 'j3', remoteId: 'jobs/j3' },
    ]);
    await orrery(['work', 'sweep', '--stop', '-y', '--keep-unknown']);
    expect(orders('stopWork')).toHaveLength(3);
  });

  it('leaves work alone whose workflow was started again between the list and the stop', async () => {
    // A reset opens a run of the same id: it shows when the owner is read again.
    engine.statuses.set('training/fraud/v2', 'RUNNING');
    const orphan = { ...work('j2', 'training/fraud/v2'), backend: 'cloud' };
    const [swept] = await stopOrphans(engine.client, [{ ...orphan, owner: 'ended', orphan: true }]);
    expect(swept).toMatchObject({ orphan: false, stopped: null, owner: 'running' });
    expect(orders('stopWork')).toEqual([]);
  });

  it('exits 1 when something could not be stopped, and says why', async () => {
    answers.stopWork = refuse('BACKEND_UNAVAILABLE', 'Cannot tell the end');
    const { code, out } = await orrery(['work', 'sweep', '--stop', '-y']);
    expect(code).toBe(1);
    expect(out).toContain('BACKEND_UNAVAILABLE: Cannot tell the end');
  });

  it('takes a workflow that was continued as new for one that runs', async () => {
    engine.statuses.set('training/fraud/v2', 'CONTINUED_AS_NEW');
    expect((await orrery(['work', 'list', '--orphans'])).out).not.toContain('jobs/j2');
  });
});

describe('orrery definitions, backfill, assets and pools', () => {
  const on = ['--backend', 'cloud'];

  it('plans, puts, lists and removes definitions', async () => {
    answers.planDefinition = () => ({ name: 'refresh', change: 'create', diff: '+ task' });
    answers.putDefinition = () => ({ name: 'refresh', digest: 'd1', version: '' });
    answers.listDefinitions = () => ({ items: [{ name: 'refresh', digest: 'd1', version: '2' }] });
    answers.removeDefinition = () => ({ removed: 'refresh' });
    const task = { name: 'load', command: ['load'], timeoutSeconds: 60 };
    const stdin = { name: 'refresh', content: { kind: 'flow', flow: { tasks: [task] } } };
    const plan = await orrery(['definitions', 'plan', ...on, '--file', '-'], { stdin });
    expect(plan.out).toBe('refresh: create\n+ task\n');
    const source = join(home, 'p.yaml');
    await writeFile(source, 'pipelineInfo: {}');
    const put = ['definitions', 'put', ...on, '--name', 'refresh', '--source', source];
    expect((await orrery(put)).out).toContain('digest d1');
    expect(orders('putDefinition')).toMatchObject([
      { definition: { content: { kind: 'source', text: 'pipelineInfo: {}' } } },
    ]);
    expect((await orrery(['definitions', 'put', ...on])).code).toBe(2);
    expect((await orrery(['definitions', 'list', ...on])).out).toMatch(/^refresh +2 +d1$/m);
    expect((await orrery(['definitions', 'remove', 'refresh', ...on])).code).toBe(2);
    expect((await orrery(['definitions', 'remove', 'refresh', ...on, '-y'])).code).toBe(0);
  });

  it('prints the times of a backfill before it asks to start it, under a key that repeats', async () => {
    const reading = { key: 'b1', remoteId: '7', phase: 'running', runs: [], reason: 'queued' };
    answers.planBackfill = () => ({ items: ['2026-11-01T00:00:00Z'], left: 2 });
    answers.startBackfill = () => reading;
    answers.readBackfill = () => null;
    answers.stopBackfill = () => ({ ...reading, phase: 'cancelled' });
    const times = ['--from', '2026-11-01T00:00:00Z', '--to', '2026-11-03T00:00:00Z'];
    const spec = [...on, '--pipeline', 'refresh', ...times, '--param', 'rows=5'];
    expect((await orrery(['backfill', 'plan', ...spec])).out).toContain('… and 2 more');
    const asked = await orrery(['backfill', 'start', ...spec], { answer: false });
    expect(asked.asked).toEqual(['Start 3 runs of refresh?']);
    expect(orders('startBackfill')).toEqual([]);
    await orrery(['backfill', 'start', ...spec, '-y']);
    await orrery(['backfill', 'start', ...spec, '-y']);
    const [first, second] = orders('startBackfill');
    expect(first).toEqual(second);
    expect(first).toMatchObject({ spec: { params: { rows: 5 }, parallelMax: 1 } });
    const show = await orrery(['backfill', 'show', 'refresh', 'b1', ...on]);
    expect(show.err).toContain('NOT_FOUND');
    expect((await orrery(['backfill', 'stop', 'refresh', 'b1', ...on, '-y'])).out).toContain(
      'cancelled',
    );
    const backwards = [...on, '--pipeline', 'refresh', '--from', 'now', '--to', 'then'];
    expect((await orrery(['backfill', 'plan', ...backwards])).err).toContain('REQUEST_INVALID');
  });

  it('publishes, lists and materialises assets; sets, lists and removes pools', async () => {
    const event = { asset: 'a', key: 'k', at: '2026-11-24T00:00:00Z', extra: {} };
    answers.publishAsset = () => event;
    answers.assetEvents = () => ({ items: [event], left: 0 });
    answers.materializeAsset = () => ({ key: 'k', remoteId: 'dag/run' });
    answers.setPool = () => ({ name: 'p', slots: 4, usedSlots: 1 });
    answers.listPools = () => ({ items: [{ name: 'p', slots: 4, usedSlots: 1 }], left: 0 });
    answers.removePool = () => ({ removed: 'p' });
    const publish = ['assets', 'publish', 'a', ...on, '--key', 'k', '--extra', 'rows=5'];
    expect((await orrery([...publish, '--extra', 'name=x'])).code).toBe(0);
    expect(orders('publishAsset')).toMatchObject([{ extra: { rows: 5, name: 'x' } }]);
    expect((await orrery(['assets', 'events', 'a', ...on])).out).toContain('2026-11-24');
    const make = ['assets', 'materialize', 'a', ...on, '--key', 'k'];
    expect((await orrery(make)).out).toBe('Started dag/run\n');
    expect((await orrery(['pools', 'set', 'p', '--slots', '4', ...on])).out).toContain('4 slots');
    expect((await orrery(['pools', 'list', ...on])).out).toMatch(/^p +4 +1$/m);
    expect((await orrery(['pools', 'remove', 'p', ...on, '-y'])).code).toBe(0);
  });

  it('tells a port that the backend lacks by its code', async () => {
    answers.listPools = refuse('PORT_MISSING', 'Cannot use "cloud" for pools: it has one');
    const { code, err } = await orrery(['pools', 'list', ...on]);
    expect(code).toBe(1);
    expect(err).toContain('error PORT_MISSING: Cannot use "cloud" for pools');
  });
});

const PIPELINE = {
  schemaVersion: 1,
  model: 'fraud',
  version: 'v1',
  name: 'etl',
  backends: { default: 'cloud' },
  pipeline: { pipeline: 'refresh', timeoutSeconds: 3600, on: ['cloud', 'host'] },
};

describe('orrery pipeline, tune and train start', () => {
  const { model, version, training, backends } = requestJson();
  const train = {
    schemaVersion: 1,
    model,
    version,
    backends: { ...(backends as object), steps: { train: ['cloud', 'host'] } },
    data: { uri: 'file:///x', sha256: 'a'.repeat(64), bytes: 1 },
    training,
  };

  it('print step, backends, machine, price, limit and the most it costs before they ask', async () => {
    const { out, code } = await orrery(['train', 'start', '-', '--dry-run'], { stdin: train });
    expect(code).toBe(0);
    expect(out).toMatch(/^prepare +local +1 CPU, 512 MiB +0\.5000 +1 min +0\.0375$/m);
    // 3 attempts of 60 s and 30 s of grace, on both backends: 0.075 h × ($2 + $0.50).
    expect(out).toMatch(
      /^train +cloud, then host +1 CPU, 512 MiB +2\.00, then 0\.5000 +1 min +0\.1875$/m,
    );
    expect(out).toContain('At most $0.2250');
    expect(engine.writes.filter(({ what }) => what === 'start')).toEqual([]);
  });

  it('start nothing after a no, or where nobody can be asked', async () => {
    const args = ['pipeline', 'start', '-'];
    const no = await orrery(args, { stdin: PIPELINE, answer: false });
    expect(no.asked).toEqual(['Start pipeline/fraud/v1/etl?']);
    expect(no.err).toMatch(/cloud, then host +chosen there +told there/);
    expect((await orrery(args, { stdin: PIPELINE })).code).toBe(2);
    expect(engine.writes.filter(({ what }) => what === 'start')).toEqual([]);
  });

  it('start once with -y, wait when told to, and find the run again', async () => {
    const args = ['pipeline', 'start', '-', '-y'];
    const first = await orrery(args, { stdin: PIPELINE });
    expect(first.out).toContain('Started pipeline/fraud/v1/etl');
    expect((await orrery(args, { stdin: PIPELINE })).out).toContain('holds it already');
    engine.statuses.set('pipeline/fraud/v1/etl', 'COMPLETED');
    const waited = await orrery([...args, '--wait'], { stdin: PIPELINE });
    expect(waited).toMatchObject({ code: 0 });
    expect(waited.out).toContain('pipeline/fraud/v1/etl: completed');
  });

  it('ask a backend without a price book for that of the prices backend', async () => {
    answers.quotePrice = (order: { backend: string }) => {
      if (order.backend !== 'local') throw new OrreryError('PORT_MISSING', 'no prices');
      return { usdPerHour: 1, source: 'book', asOf: '2026-11-24' };
    };
    const { out } = await orrery(['train', 'start', '-', '--dry-run'], { stdin: train });
    expect(out).toMatch(/1\.00, then 1\.00/);
    answers.quotePrice = refuse('BACKEND_UNAVAILABLE', 'HTTP 503');
    const gap = await orrery(['train', 'start', '-', '--dry-run'], { stdin: train });
    expect(gap.out).toContain('not known, since a price is missing');
  });
});

describe('orrery lifecycle start', () => {
  const args = ['lifecycle', 'start', '--request', '-'];
  const stdin = requestJson({ costUsdMax: 5 });

  it('prints prices and asks in a terminal', async () => {
    const no = await orrery(args, { stdin, answer: false });
    expect(no.err).toMatch(/^score +local/m);
    expect(no.err).toContain('the run stops at $5.00');
    expect(no.asked).toHaveLength(1);
    expect(engine.writes.some(({ what }) => what === 'start')).toBe(false);
    expect((await orrery(args, { stdin, answer: true })).out).toContain('Started');
  });

  it('asks nobody in a script, and nothing with -y', async () => {
    expect((await orrery(args, { stdin })).out).toContain('Started');
    const yes = await orrery([...args, '-y'], { stdin, answer: false });
    expect(yes).toMatchObject({ code: 0, asked: [] });
    expect(engine.writes.filter(({ what }) => what === 'order')).toEqual([]);
  });
});
