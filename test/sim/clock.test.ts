import { describe, expect, it } from '@jest/globals';

import { createVirtualClock } from '../../backends/sim/clock.ts';

const START = 1_000_000;

describe('createVirtualClock', () => {
  it('lets a day pass within one sleep', async () => {
    const clock = createVirtualClock(START, 0);
    await clock.sleep(86_400_000);
    expect(clock.now()).toBe(START + 86_400_000);
    expect(clock.elapsedSeconds()).toBe(86_400);
  });

  it('wakes sleepers in the order of their time, whoever slept first', async () => {
    const clock = createVirtualClock(START, 0);
    const woken: [string, number][] = [];
    const sleepThen = async (name: string, ms: number) => {
      await clock.sleep(ms);
      woken.push([name, clock.now() - START]);
    };
    await Promise.all([sleepThen('late', 300), sleepThen('early', 100), sleepThen('middle', 200)]);
    expect(woken).toEqual([
      ['early', 100],
      ['middle', 200],
      ['late', 300],
    ]);
  });

  it('lets two loops share the time instead of adding theirs up', async () => {
    const clock = createVirtualClock(START, 0);
    const loop = async () => {
      for (let round = 0; round < 10; round += 1) await clock.sleep(1000);
    };
    await Promise.all([loop(), loop()]);
    expect(clock.elapsedSeconds()).toBe(10);
  });

  it('ends an aborted sleep with the reason and moves no time', async () => {
    const clock = createVirtualClock(START, 0);
    const abort = new AbortController();
    const sleep = clock.sleep(5000, abort.signal);
    abort.abort(new Error('no longer wanted'));
    await expect(sleep).rejects.toThrow('no longer wanted');
    await expect(clock.sleep(1, abort.signal)).rejects.toThrow('no longer wanted');
    await clock.sleep(10);
    expect(clock.now()).toBe(START + 10);
  });

  it('keeps every other sleeper awake-able when one is aborted', async () => {
    const clock = createVirtualClock(START, 0);
    const abort = new AbortController();
    const aborted = clock.sleep(10, abort.signal);
    const others = [clock.sleep(5), clock.sleep(20)];
    abort.abort(new Error('no longer wanted'));
    await expect(aborted).rejects.toThrow('no longer wanted');
    await Promise.all(others);
    expect(clock.now()).toBe(START + 20);
  });
});
