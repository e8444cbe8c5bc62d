import { describe, expect, it } from '@jest/globals';

import { paced } from '../../../backends/vertex/pacing.ts';
import type { JobPhase } from '../../../core/ports/compute.ts';

const HANDLE = { key: 'j1' };

describe('paced', () => {
  const counted = (readings: readonly { phase: JobPhase; revision: number }[], pollMs: number) => {
    let count = 0;
    const read = paced(async () => readings[Math.min(count++, readings.length - 1)]!, { pollMs });
    return { read, count: () => count };
  };

  it('asks the far side once while many short waits follow each other', async () => {
    const { read, count } = counted([{ phase: 'running', revision: 7 }], 60_000);
    for (let wait = 0; wait < 5; wait += 1) {
      expect(await read(HANDLE, { since: 7, waitMs: 5 })).toMatchObject({ revision: 7 });
    }
    expect(count()).toBe(1);
  });

  it('asks again once the pace is over, and answers with the news', async () => {
    const news = [
      { phase: 'running', revision: 1 },
      { phase: 'succeeded', revision: 2 },
    ] as const;
    const { read } = counted(news, 5);
    await read(HANDLE);
    expect(await read(HANDLE, { since: 1, waitMs: 60_000 })).toMatchObject({ revision: 2 });
  });

  it('answers at once with what is newer than the caller knows', async () => {
    const { read, count } = counted([{ phase: 'running', revision: 3 }], 60_000);
    await read(HANDLE);
    expect(await read(HANDLE, { since: 2, waitMs: 60_000 })).toMatchObject({ revision: 3 });
    expect(count()).toBe(2);
  });

  it('reads anew for each caller that does not wait', async () => {
    const { read, count } = counted([{ phase: 'running', revision: 3 }], 60_000);
    await read(HANDLE);
    await read(HANDLE);
    expect(count()).toBe(2);
  });
});
