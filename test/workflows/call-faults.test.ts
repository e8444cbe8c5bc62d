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
 * Calls that a life which goes well does not make: nothing is stopped, and who serves is read from
 * the registry, the proxy and the replies of deployments.
 */
const UNUSED: readonly CallName[] = [
  'artifacts.has',
  'compute.requestCheckpoint',
  'compute.stop',
  'serving.read',
  'signer.verify',
  'traffic.remove',
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

describe('A life in which every call fails once', () => {
  test.each(['before', 'after'] as const)(
    'does nothing twice when calls fail %s their effect',
    async (moment) => {
      const scene = createScene(engine);
      breakEveryCall(scene, moment);
      expect((await scene.champion('v1')).outcome).toBe('released');
      const struck = scene.world.journal.of('fault.fired').map(({ call }) => call);
      expect(struck.toSorted()).toEqual(USED_FIRST.toSorted());
      expect(effectsOf(scene, 'v1')).toEqual([
        'prepare 1',
        'train 1',
        'score 1',
        'version.registered v1',
        'champion null, challenger v1',
        'endpoint.started v1',
        'champion v1, challenger v1',
        'champion v1, challenger null',
      ]);
    },
  );

  test.each(['before', 'after'] as const)(
    'climbs past a champion once when calls fail %s their effect',
    async (moment) => {
      const scene = createScene(engine);
      await scene.champion('v1');
      const before = effectsOf(scene, 'v2').length;
      breakEveryCall(scene, moment);
      const life = await scene.start('v2');
      await life.approve();
      expect((await life.result()).outcome).toBe('released');
      const [prepare, train, ...rest] = effectsOf(scene, 'v2').slice(before);
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
    },
  );

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
