import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { RemoteWork } from '../../core/ports/inventory.ts';
import { stopOrphans } from '../../service/operations/work.ts';
import { operatorScene, refuse } from './operator-scene.ts';
import type { OperatorScene } from './operator-scene.ts';

let scene: OperatorScene;
let engine: OperatorScene['engine'];
let answers: OperatorScene['answers'];
const orrery: OperatorScene['orrery'] = (...args) => scene.orrery(...args);
const orders: OperatorScene['orders'] = (kind) => scene.orders(kind);
beforeEach(async () => {
  scene = await operatorScene();
  ({ engine, answers } = scene);
});
afterEach(() => scene.remove());

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
