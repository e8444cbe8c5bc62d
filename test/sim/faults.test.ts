import { describe, expect, it } from '@jest/globals';

import { simSettings } from '../../backends/sim/settings.ts';
import { createWorld } from '../../backends/sim/world.ts';
import { attemptOf, trainSpec } from './job-spec.ts';

describe('scripted faults', () => {
  it('fail exactly the call that the script names, before anything happens', async () => {
    const world = createWorld({
      faults: [{ call: 'compute.start', nth: 2, moment: 'before', throws: 'DISK_FULL' }],
    });
    const { compute } = world.ports;
    await compute.start(attemptOf(trainSpec(), 1));
    await expect(compute.start(attemptOf(trainSpec(), 2))).rejects.toMatchObject({
      code: 'DISK_FULL',
    });
    expect(world.journal.of('job.started')).toHaveLength(1);
    expect((await compute.start(attemptOf(trainSpec(), 2))).outcome).toBe('created');
    expect(world.journal.of('fault.fired')).toMatchObject([{ call: 'compute.start', nth: 2 }]);
  });

  it('lose the reply of a call whose effect has happened', async () => {
    const world = createWorld({ faults: [{ call: 'compute.start', moment: 'after' }] });
    const intent = attemptOf(trainSpec(), 1);
    await expect(world.ports.compute.start(intent)).rejects.toMatchObject({ code: 'INTERNAL' });
    expect((await world.ports.compute.start(intent)).outcome).toBe('adopted');
    expect(world.journal.of('job.started')).toHaveLength(1);
  });

  it('strike as many calls in a row as the script says', async () => {
    const world = createWorld({
      faults: [{ call: 'models.fact', nth: 2, times: 2, moment: 'before' }],
    });
    const outcomes = [];
    for (let call = 0; call < 4; call += 1) {
      const outcome = await Promise.allSettled([world.ports.models.fact('fraud', 'eu')]);
      outcomes.push(outcome[0].status);
    }
    expect(outcomes).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
    expect(world.faults.calls('models.fact')).toBe(4);
  });

  it('hold a call for ever when nothing is thrown, and tell who waits for it', async () => {
    const world = createWorld({
      faults: [{ call: 'compute.start', moment: 'after', throws: null }],
    });
    let answered = false;
    void world.ports.compute.start(attemptOf(trainSpec(), 1)).finally(() => {
      answered = true;
    });
    await world.faults.fired(1);
    await world.clock.sleep(60_000);
    expect(answered).toBe(false);
    expect(world.journal.of('job.started')).toHaveLength(1);
  });

  it('can be added while the world runs', async () => {
    const world = createWorld();
    await world.ports.models.fact('fraud', 'eu');
    const call = 'models.fact' as const;
    world.faults.add({ call, nth: 2, times: 1, moment: 'before', throws: 'INTERNAL' });
    await expect(world.ports.models.fact('fraud', 'eu')).rejects.toMatchObject({
      code: 'INTERNAL',
    });
  });
});

describe('settings of the sim', () => {
  const bad: [string, object][] = [
    ['compute.start', { faults: [{ call: 'compute.begin', moment: 'before' }] }],
    [
      'faults.0.throws: not a code of core/errors.ts',
      { faults: [{ call: 'compute.start', moment: 'before', throws: 'OOPS' }] },
    ],
    ['sead', { sead: 3 }],
  ];
  it.each(bad)('refuse a script with SETTINGS_INVALID saying %s', (told, world) => {
    expect(() => simSettings.parse({ world })).toThrow(told);
    expect(() => createWorld(world)).toThrow(told);
  });

  it('refuse a world and a socket together, and neither of them', () => {
    expect(() => simSettings.parse({ world: {}, socket: '/s' })).toThrow(
      'wanted {world} or {socket}',
    );
    expect(() => simSettings.parse({})).toThrow('Cannot open the backend "sim"');
    expect(() => simSettings.parse(null)).toThrow('Cannot open the backend "sim"');
  });
});

describe('strangers', () => {
  it('move the champion right before the call that the script names', async () => {
    const world = createWorld({
      strangers: [
        {
          when: { call: 'models.changeFact' },
          does: { what: 'move-champion', model: 'fraud', region: 'eu', version: 'v9' },
        },
      ],
    });
    const { models } = world.ports;
    const next = { champion: 'v1', previous: null, challenger: null };
    await expect(
      models.changeFact({ model: 'fraud', region: 'eu', expectedGeneration: 0, next }),
    ).rejects.toMatchObject({ code: 'CHAMPION_MOVED' });
    expect(await models.fact('fraud', 'eu')).toMatchObject({ generation: 1, champion: 'v9' });
    expect(world.journal.of('fact.changed')).toMatchObject([{ by: 'stranger' }]);
  });

  it('move the weights of a route once their time has come', async () => {
    const route = 'fraud.eu';
    const world = createWorld({
      strangers: [{ when: { atSecond: 10 }, does: { what: 'move-weights', route, version: 'v1' } }],
    });
    const arms = [
      { version: 'v1', address: 'a.sim:1', weightPercent: 40 },
      { version: 'v2', address: 'b.sim:1', weightPercent: 60 },
    ];
    await world.ports.traffic.set({ route, arms, mirror: null, sticky: false });
    const weights = async () =>
      (await world.ports.traffic.read(route))?.arms.map((arm) => arm.weightPercent);
    expect(await weights()).toEqual([40, 60]);
    await world.clock.sleep(10_000);
    expect(await weights()).toEqual([100, 0]);
  });
});
