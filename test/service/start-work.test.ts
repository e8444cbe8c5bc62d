import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { OrreryError } from '../../core/errors.ts';
import { operatorScene, refuse } from './operator-scene.ts';
import type { OperatorScene } from './operator-scene.ts';
import { requestJson } from './requests.ts';

let scene: OperatorScene;
let engine: OperatorScene['engine'];
let answers: OperatorScene['answers'];
const orrery: OperatorScene['orrery'] = (...args) => scene.orrery(...args);
beforeEach(async () => {
  scene = await operatorScene();
  ({ engine, answers } = scene);
});
afterEach(() => scene.remove());

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
