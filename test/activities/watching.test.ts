import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { MockActivityEnvironment } from '@temporalio/testing';

import { withPulse } from '../../activities/watching.ts';

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

test('A watch whose far side is slow repeats its last news, so that it does not look dead', async () => {
  const told: unknown[] = [];
  const environment = new MockActivityEnvironment();
  environment.on('heartbeat', (news) => told.push(news));
  let answer: (value: string) => void = () => undefined;
  const slow = new Promise<string>((resolve) => (answer = resolve));
  const watch = environment.run(() =>
    withPulse(async (tell) => {
      tell('running');
      return slow;
    }),
  ) as Promise<string>;
  await jest.advanceTimersByTimeAsync(3500);
  expect(told).toEqual(['running', 'running', 'running', 'running']);
  answer('succeeded');
  expect(await watch).toBe('succeeded');
  await jest.advanceTimersByTimeAsync(3500);
  expect(told).toHaveLength(4);
});
