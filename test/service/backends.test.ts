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
