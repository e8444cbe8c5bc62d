import { describe, expect, it } from '@jest/globals';

import { refusalCode } from '../../../backends/kubeflow/kfp/errors.ts';
import { runIdOf } from '../../../backends/kubeflow/kfp/identity.ts';
import type { MarkKind } from '../../../backends/kubeflow/kfp/marks.ts';
import { describeRun, provenanceOf } from '../../../backends/kubeflow/kfp/provenance.ts';
import { lifeOf, readingOf, runPhase, startedAt } from '../../../backends/kubeflow/kfp/reading.ts';
import { runReply } from '../../../backends/kubeflow/kfp/replies.ts';
import { splitSchedule } from '../../../backends/kubeflow/kfp/schedule.ts';
import { kfpSettings } from '../../../backends/kubeflow/kfp/settings.ts';
import { artifactTypes } from '../../../backends/kubeflow/kfp/spec-types.ts';
import { pipelineIntent } from '../../support/contract/harness.ts';

const run = (state: string, history: readonly string[] = [], more: object = {}) =>
  runReply.parse({
    run_id: 'r1',
    state,
    created_at: '2026-11-24T12:00:00Z',
    finished_at: '1970-01-01T00:00:00Z',
    state_history: history.map((past, at) => ({
      state: past,
      update_time: `2026-11-24T12:00:0${at}Z`,
    })),
    ...more,
  });
const marked = (...kinds: MarkKind[]) => new Set(kinds);
const context = {
  marks: marked(),
  uiUrl: 'https://kfp',
  types: new Map<string, string>(),
  now: Date.parse('2026-11-24T12:01:00Z'),
};

describe('runPhase', () => {
  it.each([
    ['PENDING', 'pending'],
    ['RUNTIME_STATE_UNSPECIFIED', 'pending'],
    ['RUNNING', 'running'],
    ['PAUSED', 'running'],
    ['CANCELING', 'running'],
    ['SUCCEEDED', 'succeeded'],
    ['SKIPPED', 'succeeded'],
    ['FAILED', 'failed'],
    ['CANCELED', 'cancelled'],
  ])('reads %s as %s', (state, phase) => {
    expect(runPhase(run(state), marked())).toBe(phase);
  });

  it('reads FAILED as cancelled when the end was asked for', () => {
    expect(runPhase(run('FAILED'), marked('stop'))).toBe('cancelled');
    expect(runPhase(run('FAILED', ['RUNNING', 'CANCELING', 'FAILED']), marked())).toBe('cancelled');
  });

  it('reads FAILED as failed when it was over its limit, unless a stop came too', () => {
    const history = ['RUNNING', 'CANCELING', 'FAILED'];
    expect(runPhase(run('FAILED', history), marked('timeout'))).toBe('failed');
    expect(runPhase(run('FAILED', history), marked('timeout', 'stop'))).toBe('cancelled');
  });

  it('forgets the stop of a life before a retry', () => {
    const history = ['RUNNING', 'CANCELING', 'FAILED', 'RUNNING', 'FAILED'];
    expect(runPhase(run('FAILED', history), marked())).toBe('failed');
  });
});

describe('lifeOf', () => {
  it('begins after the last end that was followed by more', () => {
    const states = (history: readonly string[]) =>
      lifeOf(run('RUNNING', history)).map(({ state }) => state);
    expect(states(['PENDING', 'RUNNING', 'FAILED'])).toEqual(['PENDING', 'RUNNING', 'FAILED']);
    expect(states(['RUNNING', 'FAILED', 'PENDING', 'RUNNING'])).toEqual(['PENDING', 'RUNNING']);
    expect(states([])).toEqual([]);
  });

  it('gives a retried run its start anew', () => {
    const retried = run('RUNNING', ['RUNNING', 'FAILED', 'RUNNING']);
    expect(startedAt(retried)).toBe(Date.parse('2026-11-24T12:00:02Z'));
    expect(startedAt(run('RUNNING', ['RUNNING']))).toBe(Date.parse('2026-11-24T12:00:00Z'));
  });
});

describe('readingOf', () => {
  it('counts seconds to now while the end is told as 1970', () => {
    expect(readingOf(run('RUNNING'), context).runSeconds).toBe(60);
    const ended = run('SUCCEEDED', [], { finished_at: '2026-11-24T12:00:10Z' });
    expect(readingOf(ended, context).runSeconds).toBe(10);
  });

  it('grows its revision with the tasks that have ended and with the phase', () => {
    const details = (...states: string[]) => ({
      run_details: { task_details: states.map((state) => ({ state, display_name: 't' })) },
    });
    const revisions = [
      run('PENDING'),
      run('RUNNING'),
      run('RUNNING', [], details('SUCCEEDED', 'RUNNING')),
      run('CANCELING', [], details('SUCCEEDED', 'RUNNING')),
      run('FAILED', [], details('SUCCEEDED', 'FAILED')),
    ].map((reply) => readingOf(reply, context).revision);
    expect(revisions).toEqual(revisions.toSorted((a, b) => a - b));
    expect(new Set(revisions).size).toBe(revisions.length);
  });

  it('tells the messages of the run and of its failed tasks once each', () => {
    const failed = run('FAILED', [], {
      error: { message: 'out of memory' },
      run_details: {
        task_details: [
          { display_name: 'a', state: 'FAILED', error: { message: 'out of memory' } },
          { display_name: 'b', state: 'FAILED', error: { message: 'exit 3' } },
        ],
      },
    });
    expect(readingOf(failed, context).reason).toBe(
      'Kubeflow Pipelines says FAILED; out of memory; exit 3',
    );
  });
});

describe('refusalCode', () => {
  it.each([
    [401, null, '', 'CREDENTIALS_INVALID'],
    [302, null, '', 'CREDENTIALS_INVALID'],
    [403, 7, 'no', 'ACCESS_DENIED'],
    [404, 5, 'no', 'NOT_FOUND'],
    [409, 6, 'exists', 'NAME_TAKEN'],
    [409, 10, 'no', 'SPEC_REJECTED'],
    [400, 3, 'bad', 'SPEC_REJECTED'],
    [429, 8, 'slow down', 'BACKEND_UNAVAILABLE'],
    [500, 13, 'database is away', 'BACKEND_UNAVAILABLE'],
    [500, 13, 'Invalid input error: parameter x', 'SPEC_REJECTED'],
    [500, 13, 'ResourceNotFoundError: PipelineVersion v', 'NOT_FOUND'],
    [500, 13, 'pods "x" is forbidden: exceeded quota: compute', 'QUOTA_EXCEEDED'],
    [503, 14, 'try again later', 'BACKEND_UNAVAILABLE'],
    [418, null, 'teapot', 'REPLY_MALFORMED'],
  ] as const)('reads %d with google.rpc code %p and %j as %s', (status, rpcCode, told, code) => {
    expect(refusalCode({ status, rpcCode, told })).toBe(code);
  });
});

describe('runIdOf', () => {
  it('is the UUID that the far side derives', () => {
    // python3: uuid.uuid5(uuid.UUID('c2f3a9d4-…'), 'job-1/scheduled-run-trigger-1')
    expect(runIdOf('job-1', 'scheduled-run-trigger-1')).toBe(
      '2a35449b-b9fa-5d63-8181-2371544d6f4f',
    );
  });
});

describe('provenanceOf', () => {
  it('reads what describeRun wrote, and nothing of anybody else', () => {
    const intent = pipelineIntent({ pipeline: 'p', params: {} }, 'n1');
    expect(provenanceOf(describeRun(intent))).toMatchObject({
      key: intent.key,
      timeoutSeconds: 600,
      labels: intent.spec.labels,
    });
    for (const text of ['', 'nightly run', '{}', '[]', '{"orrery-managed":"true"}']) {
      expect(provenanceOf(text)).toBeNull();
    }
  });
});

describe('splitSchedule', () => {
  it('takes off the document that names a recurring run, and only that', () => {
    const platform = 'a: 1\n---\nplatforms: {}\n';
    expect(splitSchedule(platform)).toEqual({ text: platform, schedule: null });
    const scheduled = splitSchedule(`${platform}---\n{"recurringRun":{"intervalSeconds":60}}`);
    expect(scheduled).toMatchObject({
      text: platform,
      schedule: { trigger: { periodic_schedule: { interval_second: '60' } }, noCatchup: true },
    });
  });

  it.each([{}, { cron: '* * * * * *', intervalSeconds: 60 }, { cron: '*', maxConcurrency: 0 }])(
    'refuses %j',
    (recurringRun) => {
      const source = `a: 1\n---\n${JSON.stringify({ recurringRun })}`;
      expect(() => splitSchedule(source)).toThrow('Cannot schedule the pipeline');
    },
  );
});

describe('artifactTypes', () => {
  it('is empty for a spec that is of another form', () => {
    expect(artifactTypes(undefined).size + artifactTypes({ spec: {} }).size).toBe(0);
  });
});

describe('kfpSettings', () => {
  it('has defaults for all but the address, and refuses what it does not know', () => {
    expect(kfpSettings.parse({ url: 'https://kubeflow.example/pipeline' })).toMatchObject({
      namespace: '',
      experiment: 'orrery',
      settleSeconds: 20,
    });
    expect(kfpSettings.safeParse({ url: 'ftp://x' }).success).toBe(false);
    expect(kfpSettings.safeParse({ url: 'https://x', token: 'secret' }).success).toBe(false);
  });
});
