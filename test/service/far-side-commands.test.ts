import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { operatorScene, refuse } from './operator-scene.ts';
import type { OperatorScene } from './operator-scene.ts';

let scene: OperatorScene;
let answers: OperatorScene['answers'];
const orrery: OperatorScene['orrery'] = (...args) => scene.orrery(...args);
const orders: OperatorScene['orders'] = (kind) => scene.orders(kind);
beforeEach(async () => {
  scene = await operatorScene();
  ({ answers } = scene);
});
afterEach(() => scene.remove());

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
    const source = join(scene.home, 'p.yaml');
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
