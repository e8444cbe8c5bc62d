import { describe, expect, it } from '@jest/globals';

import {
  checkRunId,
  confOf,
  deedOf,
  marksOf,
  withDeed,
  withoutDeed,
} from '../../../backends/airflow/marks.ts';
import {
  phaseOf,
  reasonOf,
  revisionOf,
  runSecondsOf,
  taskOf,
} from '../../../backends/airflow/run-reading.ts';
import type { DagRun, TaskInstance } from '../../../backends/airflow/replies.ts';
import { endOf, toldBy } from '../../../backends/airflow/errors.ts';

const LABELS = { model: 'fraud', version: 'v1', workflowId: 'pipeline/fraud/v1' };
const ORIGIN = { key: 'jabc', specDigest: 'd'.repeat(64), labels: LABELS, timeoutSeconds: 60 };

const run = (more: Partial<DagRun> = {}): DagRun => ({
  dag_id: 'd',
  dag_run_id: 'r',
  state: 'running',
  queued_at: null,
  start_date: null,
  end_date: null,
  logical_date: null,
  run_after: '2026-01-01T00:00:00Z',
  conf: {},
  note: null,
  ...more,
});
const task = (state: string | null, more: Partial<TaskInstance> = {}): TaskInstance => ({
  task_id: 't',
  map_index: -1,
  state,
  try_number: 1,
  start_date: null,
  end_date: null,
  ...more,
});
const CANCELLED = withDeed(null, 'cancelled');

describe('The conf of a run', () => {
  it('says whose it is, beside the parameters', () => {
    const conf = confOf({ rate: 0.1 }, ORIGIN);
    expect(conf['rate']).toBe(0.1);
    expect(marksOf(conf)).toEqual({
      key: 'jabc',
      spec: 'd'.repeat(40),
      labels: LABELS,
      timeoutSeconds: 60,
    });
  });

  it('of a stranger says nothing', () => {
    for (const conf of [null, {}, { orrery: 1 }, { orrery: {} }, { orrery: { 'orrery-key': 3 } }]) {
      expect(marksOf(conf)).toBeNull();
    }
  });

  it('keeps its own name from the parameters', () => {
    expect(() => confOf({ orrery: 'x' }, ORIGIN)).toThrow(/"orrery"/);
  });
});

describe('checkRunId', () => {
  it('takes what Airflow takes', () => {
    expect(checkRunId('j0123:a~b+c.d_e-f')).toBe('j0123:a~b+c.d_e-f');
  });

  it.each(['a/b', 'a b', 'ä', '', 'x'.repeat(251)])('refuses %j', (id) => {
    expect(() => checkRunId(id)).toThrow(/Airflow allows/);
  });
});

describe('The note of a run', () => {
  it('gets our line first and keeps what others wrote', () => {
    const note = withDeed('look at the data', 'cancelled');
    expect(deedOf(note)).toBe('cancelled');
    expect(withDeed(note, 'cancelled')).toBe(note);
    expect(withoutDeed(note)).toBe('look at the data');
    expect(deedOf(withDeed(note, 'timed out'))).toBe('timed out');
  });

  it('stays within what Airflow stores', () => {
    expect(withDeed('x'.repeat(1000), 'cancelled')).toHaveLength(1000);
  });

  it('of others says nothing, even when it speaks of ours', () => {
    expect(deedOf('why was this orrery: cancelled?')).toBeNull();
    expect(deedOf(null)).toBeNull();
  });
});

describe('phaseOf', () => {
  it.each([
    ['pending', run({ state: 'queued' }), [task(null)]],
    ['running', run(), [task('success')]],
    ['running', run({ state: 'failed', note: CANCELLED }), [task('running')]],
    ['running', run({ state: 'success' }), [task('deferred')]],
    ['succeeded', run({ state: 'success' }), [task('success'), task('skipped')]],
    ['failed', run({ state: 'failed' }), [task('failed')]],
    ['failed', run({ state: 'failed' }), [task('success')]],
    ['failed', run({ state: 'failed', note: withDeed(null, 'timed out') }), [task('failed')]],
    ['cancelled', run({ state: 'failed', note: CANCELLED }), [task('failed'), task('skipped')]],
    ['cancelled', run({ state: 'failed', note: CANCELLED }), [task('success'), task('skipped')]],
    ['cancelled', run({ state: 'failed', note: CANCELLED }), []],
    ['succeeded', run({ state: 'failed', note: CANCELLED }), [task('success'), task('success')]],
  ] as const)('says %s', (phase, of, tasks) => {
    expect(phaseOf(of, tasks)).toBe(phase);
  });
});

describe('revisionOf', () => {
  it('grows with each try, start and end of a task, and with a warning', () => {
    const started = { start_date: '2026-01-01T00:00:00Z' };
    const course = [
      task(null, { try_number: 0 }),
      task('queued'),
      task('running', started),
      task('up_for_retry', started),
      task('scheduled', { ...started, try_number: 2 }),
      task('success', { ...started, try_number: 2 }),
    ].map((one) => revisionOf('running', [one], []));
    expect(course).toEqual(course.toSorted((a, b) => a - b));
    expect(new Set(course).size).toBe(course.length);
    expect(revisionOf('running', [], ['late'])).toBeGreaterThan(revisionOf('running', [], []));
  });
});

describe('taskOf', () => {
  it.each([
    [null, false, 'pending'],
    [null, true, 'skipped'],
    ['scheduled', true, 'skipped'],
    ['queued', true, 'pending'],
    ['deferred', false, 'running'],
    ['upstream_failed', true, 'skipped'],
    ['a state of tomorrow', false, 'pending'],
  ])('reads %s of a run that is over (%s) as %s', (state, over, phase) => {
    expect(taskOf(task(state), over, 'u').phase).toBe(phase);
  });

  it('names a mapped task by its index', () => {
    const mapped = taskOf(task('failed', { map_index: 2, try_number: 3 }), true, 'http://a/runs/r');
    expect(mapped).toMatchObject({ name: 't[2]', reason: 'failed, try 3' });
    expect(mapped.logUri).toBe('http://a/runs/r/tasks/t/mapped/2');
  });
});

describe('reasonOf', () => {
  it('tells state, deed and the tasks that failed', () => {
    const cancelled = run({ state: 'failed', note: CANCELLED });
    expect(reasonOf(cancelled, [task('failed')])).toBe(
      'Airflow says failed; cancelled by us; failed tasks: t',
    );
    expect(reasonOf(cancelled, [task('success')])).toMatch(/had succeeded before/);
  });
});

describe('runSecondsOf', () => {
  it('counts from the start to the end, or to now', () => {
    const from = '2026-01-01T00:00:00Z';
    const to = '2026-01-01T00:00:09Z';
    expect(runSecondsOf(run(), 0)).toBe(0);
    expect(runSecondsOf(run({ start_date: from, end_date: to }), 0)).toBe(9);
    expect(runSecondsOf(run({ start_date: from }), Date.parse(to))).toBe(9);
    expect(runSecondsOf(run({ start_date: to }), Date.parse(from))).toBe(0);
  });
});

describe('toldBy', () => {
  it.each([
    [{ detail: 'not found' }, 'not found'],
    [
      { detail: { reason: 'Unique constraint violation', message: 'x' } },
      'Unique constraint violation',
    ],
    [{ detail: [{ loc: ['body', 'a'], msg: 'is missing' }, 'odd'] }, 'body.a: is missing; odd'],
    [{ detail: { code: 7 } }, '{"code":7}'],
    [null, 'status 418 without a message'],
  ])('finds the message in %j', (body, told) => {
    expect(toldBy({ status: 418, body })).toBe(told);
  });

  it('keeps the end of a long text', () => {
    expect(endOf(`${'x'.repeat(2000)} NameError`)).toMatch(/^…x+ NameError$/);
  });
});
