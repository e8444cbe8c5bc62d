import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { flowOrder } from '../../core/data/flow-order.ts';
import { OrreryError } from '../../core/errors.ts';
import type { FlowTask } from '../../core/ports/definitions.ts';

const task = (name: string, reads: readonly string[], writes: readonly string[]): FlowTask => ({
  name,
  command: ['/bin/true'],
  params: {},
  reads,
  writes,
  pool: null,
  retries: 0,
  timeoutSeconds: 60,
});

describe('flowOrder', () => {
  it('puts a task after every task that writes what it reads', () => {
    const tasks = [
      task('judge', ['s3://m/model', 's3://d/test'], []),
      task('train', ['s3://d/train'], ['s3://m/model']),
      task('split', ['s3://d/raw'], ['s3://d/train', 's3://d/test']),
    ];
    const { names, edges } = flowOrder({ tasks });
    expect(names).toEqual(['split', 'train', 'judge']);
    expect(edges).toEqual([
      { before: 'train', after: 'judge' },
      { before: 'split', after: 'judge' },
      { before: 'split', after: 'train' },
    ]);
  });

  it('lets a task read what it writes itself', () => {
    expect(flowOrder({ tasks: [task('grow', ['s3://a'], ['s3://a'])] }).edges).toEqual([]);
  });

  it('refuses a circle, naming the tasks in it', () => {
    const tasks = [task('a', ['x'], ['y']), task('b', ['y'], ['x']), task('c', [], [])];
    expect(() => flowOrder({ tasks })).toThrow(OrreryError);
    expect(() => flowOrder({ tasks })).toThrow(/a, b.*circle/);
  });

  it('refuses two tasks of one name', () => {
    expect(() => flowOrder({ tasks: [task('a', [], []), task('a', [], [])] })).toThrow(/"a"/);
  });

  it('keeps every task once and every edge forward', () => {
    const uris = fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 3 });
    fc.assert(
      fc.property(fc.array(fc.tuple(uris, uris), { minLength: 1, maxLength: 8 }), (shapes) => {
        // Task n writes only what lies above its number and reads what lies below: no circles.
        const tasks = shapes.map(([reads, writes], at) =>
          task(
            `t${at}`,
            reads.filter((uri) => uri < at).map(String),
            writes.filter((uri) => uri >= at).map(String),
          ),
        );
        const { names, edges } = flowOrder({ tasks });
        expect([...names].sort()).toEqual(tasks.map(({ name }) => name).sort());
        for (const { before, after } of edges) {
          expect(names.indexOf(before)).toBeLessThan(names.indexOf(after));
        }
      }),
    );
  });
});
