import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { CALL_NAMES } from '../../backends/sim/methods.ts';
import type { CallName } from '../../backends/sim/methods.ts';
import type { JournalEntry } from '../../backends/sim/journal.ts';
import { createScene } from '../support/life.ts';
import type { Scene } from '../support/life.ts';
import { startWorkflowEngine } from '../support/workflow-engine.ts';
import type { WorkflowEngine } from '../support/workflow-engine.ts';

let engine: WorkflowEngine;
beforeAll(async () => {
  engine = await startWorkflowEngine('dev');
}, 60_000);
afterAll(() => engine.close());

/**
 * Calls that a life which goes well does not make: nothing is stopped, who serves is read from the
 * registry, the proxy and the replies of deployments, and neither pipelines nor searches are part of it.
 */
const UNUSED: readonly CallName[] = [
  'artifacts.has',
  'compute.requestCheckpoint',
  'compute.stop',
  'inventory.list',
  'pipeline.start',
  'pipeline.read',
  'pipeline.retry',
  'pipeline.stop',
  'serving.read',
  'signer.verify',
  'traffic.remove',
  'tuning.start',
  'tuning.read',
  'tuning.stop',
];
const USED = CALL_NAMES.filter((call) => !UNUSED.includes(call));

/** A first release compares with nobody, and ends nobody's server. */
const USED_FIRST = USED.filter((call) => call !== 'metrics.read' && call !== 'serving.undeploy');

/** The next call of every method fails once; a later one of those that are called often. */
function breakEveryCall({ world }: Scene, moment: 'before' | 'after'): void {
  for (const call of USED) {
    const nth = world.faults.calls(call) + 1;
    world.faults.add({ call, nth, times: 1, moment, throws: 'INTERNAL' });
  }
}

/** What a life leaves behind, without what may happen twice: the same bytes under the same digest. */
function effectsOf({ world }: Scene, version: string): string[] {
  const told = (entry: JournalEntry): string | null => {
    switch (entry.what) {
      case 'job.started':
        return entry.version === version ? `${entry.kind} ${entry.attempt}` : null;
      case 'endpoint.started':
      case 'endpoint.gone':
      case 'version.registered':
        return `${entry.what} ${entry.version}`;
      case 'fact.changed':
        return `champion ${entry.champion}, challenger ${entry.challenger}`;
      default:
        return null;
    }
  };
  return world.journal.entries.map(told).filter((effect) => effect !== null);
}

const MOMENTS = ['before', 'after'] as const;
type Moment = (typeof MOMENTS)[number];

/** A first release in which every call fails once. */
async function faultyFirst(moment: Moment) {
  const scene = createScene(engine);
  breakEveryCall(scene, moment);
  const { outcome } = await scene.champion('v1');
  return { scene, outcome, effects: effectsOf(scene, 'v1') };
}

/** The same for a version that has to pass a champion. */
async function faultyClimb(moment: Moment) {
  const scene = createScene(engine);
  await scene.champion('v1');
  const before = effectsOf(scene, 'v2').length;
  breakEveryCall(scene, moment);
  const life = await scene.start('v2');
  await life.approve();
  const { outcome } = await life.result();
  return { scene, outcome, effects: effectsOf(scene, 'v2').slice(before) };
}

describe('A life in which every call fails once', () => {
  let first: Record<Moment, Awaited<ReturnType<typeof faultyFirst>>>;
  let climb: Record<Moment, Awaited<ReturnType<typeof faultyClimb>>>;

  // A retry takes the server a second, and each life has many: they run side by side.
  beforeAll(async () => {
    const [firsts, climbs] = await Promise.all([
      Promise.all(MOMENTS.map(faultyFirst)),
      Promise.all(MOMENTS.map(faultyClimb)),
    ]);
    first = { before: firsts[0] as (typeof firsts)[0], after: firsts[1] as (typeof firsts)[0] };
    climb = { before: climbs[0] as (typeof climbs)[0], after: climbs[1] as (typeof climbs)[0] };
  }, 120_000);

  test.each(MOMENTS)('does nothing twice when calls fail %s their effect', (moment) => {
    const { scene, outcome, effects } = first[moment];
    expect(outcome).toBe('released');
    const struck = scene.world.journal.of('fault.fired').map(({ call }) => call);
    expect(struck.toSorted()).toEqual(USED_FIRST.toSorted());
    expect(effects).toEqual([
      'prepare 1',
      'train 1',
      'score 1',
      'version.registered v1',
      'champion null, challenger v1',
      'endpoint.started v1',
      'champion v1, challenger v1',
      'champion v1, challenger null',
    ]);
  });

  test.each(MOMENTS)('climbs past a champion once when calls fail %s their effect', (moment) => {
    const { outcome, effects } = climb[moment];
    expect(outcome).toBe('released');
    const [prepare, train, ...rest] = effects;
    expect([prepare, train]).toEqual(['prepare 1', 'train 1']);
    // The two scorings run side by side, in whichever order.
    expect(rest).toEqual([
      'score 1',
      'score 1',
      'version.registered v2',
      'champion v1, challenger v2',
      'endpoint.started v2',
      'champion v2, challenger v2',
      'endpoint.gone v1',
      'champion v2, challenger null',
    ]);
  });

  test('adopts the job whose first reply was lost', async () => {
    const scene = createScene(engine, {
      faults: [{ call: 'compute.start', nth: 1, times: 2, moment: 'after' }],
    });
    const life = await scene.start('v1');
    await life.question();
    expect(scene.world.journal.of('job.adopted')).toHaveLength(2);
    const keys = scene.world.journal.of('job.started').map(({ key }) => key);
    expect(keys).toHaveLength(3);
    await life.handle.terminate('the test is over');
  });
});
