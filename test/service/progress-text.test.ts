import { describe, expect, it } from '@jest/globals';
import { newLines } from '../../service/cli/lifecycle-text.ts';
import { progressText } from '../../service/cli/progress-text.ts';

describe('progressText', () => {
  const step = { step: 3, steps: 60, message: 'tree 3 of 60' };
  const counters = [{ version: 'v2', epoch: 'e', requests: 9, errors: 1, slow: 0 }];
  it.each([
    [{ phase: 'running', progress: step }, 'tree 3 of 60 (3 of 60)'],
    [{ phase: 'pending', progress: null }, 'pending'],
    [{ counters, ticks: [] }, 'v2: 9 requests, 1 errors, 0 slow'],
    [null, ''],
    ['(encoded)', ''],
    [{ other: 1 }, '{"other":1}'],
  ])('says %j', (progress, text) => {
    expect(progressText(progress)).toBe(text);
  });
  it('cuts what it does not know', () => {
    expect(progressText({ other: 'x'.repeat(500) })).toHaveLength(100);
  });
});

describe('newLines', () => {
  it('keeps the lines that were not there before', () => {
    expect(newLines('', 'a\n\nb')).toBe('a\nb');
    expect(newLines('a\nb', 'a\nc\nb')).toBe('c');
  });
});
