import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ERRORS } from '../../core/errors.ts';
import type { ErrorCode } from '../../core/errors.ts';
import { nextMove } from '../../core/training/fallback.ts';
import type { WorkSetback } from '../../core/training/fallback.ts';

const THREE = ['vertex', 'sagemaker', 'local'];
const setback = (backend: string, code: ErrorCode): WorkSetback => ({
  backend,
  code,
  reason: `${code} there`,
});
/** `vertex QUOTA_EXCEEDED, sagemaker JOB_FAILED` as setbacks. */
const trail = (text: string) =>
  text.split(', ').map((part) => {
    const [backend = '', code = ''] = part.split(' ');
    return setback(backend, code as ErrorCode);
  });

describe('nextMove', () => {
  it.each([
    ['vertex JOB_FAILED', 'retry vertex'],
    ['vertex JOB_LOST', 'retry vertex'],
    ['vertex JOB_FAILED, vertex JOB_LOST', 'move sagemaker'],
    ['vertex QUOTA_EXCEEDED', 'move sagemaker'],
    ['vertex CAPACITY_MISSING', 'move sagemaker'],
    ['vertex CREDENTIALS_INVALID', 'move sagemaker'],
    ['vertex ACCESS_DENIED', 'move sagemaker'],
    ['vertex BACKEND_UNAVAILABLE', 'move sagemaker'],
    ['vertex PORT_MISSING', 'move sagemaker'],
    ['vertex JOB_REJECTED', 'fail JOB_REJECTED'],
    ['vertex SPEC_REJECTED', 'fail SPEC_REJECTED'],
    ['vertex REQUEST_INVALID', 'fail REQUEST_INVALID'],
    ['vertex NAME_TAKEN', 'fail NAME_TAKEN'],
    ['vertex JOB_UNSETTLED', 'fail JOB_UNSETTLED'],
    ['vertex INTERNAL', 'fail INTERNAL'],
    ['vertex QUOTA_EXCEEDED, sagemaker CAPACITY_MISSING', 'move local'],
    ['vertex QUOTA_EXCEEDED, sagemaker ACCESS_DENIED, local JOB_FAILED', 'retry local'],
    [
      'vertex QUOTA_EXCEEDED, sagemaker ACCESS_DENIED, local JOB_FAILED, local JOB_FAILED',
      'wait vertex 60',
    ],
    ['vertex ACCESS_DENIED, sagemaker QUOTA_EXCEEDED, local ACCESS_DENIED', 'wait sagemaker 60'],
    ['vertex ACCESS_DENIED, sagemaker ACCESS_DENIED, local ACCESS_DENIED', 'fail ACCESS_DENIED'],
    ['local QUOTA_EXCEEDED, vertex QUOTA_EXCEEDED, vertex QUOTA_EXCEEDED', 'move sagemaker'],
  ])('after %s is %s, with two attempts on each backend', (setbacks, expected) => {
    const move = nextMove(THREE, trail(setbacks), 2, 0);
    const told = {
      retry: () => `retry ${(move as { backend: string }).backend}`,
      move: () => `move ${(move as { backend: string }).backend}`,
      wait: () => (move.kind === 'wait' ? `wait ${move.backend} ${move.seconds}` : ''),
      fail: () => (move.kind === 'fail' ? `fail ${move.code}` : ''),
    };
    expect(told[move.kind]()).toBe(expected);
  });

  it('waits 60 s for capacity, twice as long each time, and 15 minutes at most', () => {
    const setbacks = trail('vertex CAPACITY_MISSING');
    const waits = [0, 1, 2, 3, 4, 20].map((count) => nextMove(['vertex'], setbacks, 99, count));
    expect(waits.map((move) => (move.kind === 'wait' ? move.seconds : 0))).toEqual([
      60, 120, 240, 480, 900, 900,
    ]);
  });

  it('tells the last reason of every backend that was tried', () => {
    const setbacks = trail('vertex QUOTA_EXCEEDED, sagemaker JOB_FAILED, sagemaker JOB_FAILED');
    expect(nextMove(['vertex', 'sagemaker'], setbacks, 2, 0)).toMatchObject({ kind: 'wait' });
    const over = [...setbacks, setback('vertex', 'ACCESS_DENIED')];
    expect(nextMove(['vertex', 'sagemaker'], over, 2, 0)).toEqual({
      kind: 'fail',
      code: 'ACCESS_DENIED',
      reason: 'vertex: ACCESS_DENIED there; sagemaker: attempt 2 of 2: JOB_FAILED there',
    });
  });

  it('ends within the attempts of every backend, whatever happens on them', () => {
    const codes = Object.keys(ERRORS) as ErrorCode[];
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 5 }),
        fc.infiniteStream(fc.constantFrom(...codes)),
        (count, attemptsMax, ends) => {
          const backends = THREE.concat('ssh').slice(0, count);
          const setbacks: WorkSetback[] = [];
          let backend = backends[0]!;
          for (let waits = 0; ;) {
            setbacks.push(setback(backend, ends.next().value));
            const move = nextMove(backends, setbacks, attemptsMax, waits);
            if (move.kind === 'fail') break;
            if (move.kind === 'wait') waits += 1;
            backend = move.backend;
            expect(setbacks.length).toBeLessThan(count * attemptsMax);
            const own = setbacks.filter((each) => each.backend === backend);
            expect(own.length).toBeLessThan(attemptsMax);
          }
        },
      ),
    );
  });
});
