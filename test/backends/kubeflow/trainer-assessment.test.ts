import { describe, expect, test } from '@jest/globals';

import { assess } from '../../../backends/kubeflow/trainer/assessment.ts';
import type { Child, Snapshot } from '../../../backends/kubeflow/trainer/assessment.ts';
import type { TrainJob } from '../../../backends/kubeflow/trainer/train-job.ts';
import type { Condition, Pod } from '../../../backends/connections/kubernetes/objects.ts';

const START = Date.parse('2026-11-24T10:00:00Z') / 1000;
const at = (second: number) => new Date((START + second) * 1000).toISOString();
const REF = { uri: 's3://b/m', sha256: 'a'.repeat(64), bytes: 1 };
const MANIFEST = JSON.stringify({ outputs: { 'model.onnx': REF, more: REF } });

const meta = (name: string, changes: object = {}) => ({
  name,
  uid: `uid-${name}`,
  resourceVersion: '1',
  creationTimestamp: at(0),
  ...changes,
});
const condition = (type: string, more: Partial<Condition> = {}): Condition => ({
  type,
  status: 'True',
  ...more,
});

function pod(phase: 'Pending' | 'Running' | 'Succeeded' | 'Failed', more: object = {}): Pod {
  return { metadata: meta('p'), spec: {}, status: { phase, startTime: at(10), ...more } } as Pod;
}
const terminated = (exitCode: number, second: number, more: object = {}) => ({
  containerStatuses: [
    { name: 'node', state: { terminated: { exitCode, finishedAt: at(second), ...more } } },
  ],
});

function job(
  changes: { conditions?: readonly Condition[]; suspend?: boolean; stop?: object } = {},
) {
  const { conditions = [], suspend = false, stop } = changes;
  const annotations = stop === undefined ? {} : { 'orrery-stop': JSON.stringify(stop) };
  return {
    metadata: meta('j1', { annotations }),
    spec: {
      suspend,
      trainer: {
        numNodes: 2,
        env: [
          { name: 'ORRERY_OUTPUTS_JSON', value: '["model.onnx"]' },
          { name: 'ORRERY_GRACE_SECONDS', value: '5' },
        ],
      },
    },
    status: { conditions },
  } satisfies TrainJob;
}

function snapshot(trainJob: TrainJob, more: Partial<Snapshot> = {}): Snapshot {
  return { job: trainJob, pods: [], jobSet: null, jobs: [], blocked: '', ...more };
}
const end = (of: Snapshot, second = 100) => {
  const assessed = assess(of, START + second);
  return assessed.kind === 'ended' ? assessed.record : assessed;
};
const over = (type: string, more: Partial<Condition> = {}) =>
  job({ conditions: [condition(type, { lastTransitionTime: at(40), ...more })] });
const SUSPENDED: Child = {
  metadata: meta('c'),
  status: { conditions: [condition('Suspended')] },
};

describe('assess', () => {
  test.each([
    ['no pod yet', snapshot(job()), 'pending', 'waits for its pods'],
    ['no quota', snapshot(job(), { blocked: 'FailedCreate: exceeded quota' }), 'pending', 'quota'],
    [
      'no node',
      snapshot(job(), {
        pods: [
          pod('Pending', {
            startTime: undefined,
            conditions: [
              {
                type: 'PodScheduled',
                status: 'False',
                reason: 'Unschedulable',
                message: '0/3 nodes',
              },
            ],
          }),
        ],
      }),
      'pending',
      'Unschedulable: 0/3 nodes',
    ],
    [
      'no image',
      snapshot(job(), {
        pods: [
          pod('Pending', {
            containerStatuses: [
              { name: 'node', state: { waiting: { reason: 'ImagePullBackOff', message: 'gone' } } },
            ],
          }),
        ],
      }),
      'pending',
      'ImagePullBackOff: gone',
    ],
    ['a pod', snapshot(job(), { pods: [pod('Running')] }), 'running', 'pods run'],
    [
      'a pod that is taken away',
      snapshot(job(), {
        pods: [
          pod('Running', { conditions: [condition('DisruptionTarget', { reason: 'Drain' })] }),
        ],
      }),
      'running',
      'is being preempted (Drain)',
    ],
    [
      'an end with a pod that still ends',
      snapshot(over('Failed', { reason: 'DeadlineExceeded' }), { pods: [pod('Running')] }),
      'running',
      'still ending',
    ],
    ['a stranger’s suspension', snapshot(job({ suspend: true })), 'pending', 'somebody else'],
  ])('with %s is live', (_what, of, phase, reason) => {
    const assessed = assess(of, START + 100);
    expect(assessed).toMatchObject({ kind: 'live', phase });
    expect('reason' in assessed ? assessed.reason : '').toContain(reason);
  });

  test('tells a success with the declared outputs and the seconds of every pod', () => {
    const pods = [30, 35].map((second) =>
      pod('Succeeded', terminated(0, second, { message: MANIFEST })),
    );
    expect(end(snapshot(over('Complete'), { pods }))).toMatchObject({
      phase: 'succeeded',
      exit: { code: 0, signal: null },
      outputs: { 'model.onnx': REF },
      billableSeconds: 20 + 25,
      startedAt: at(10),
    });
  });

  test('tells the failure that came first, with its message', () => {
    const pods = [
      pod('Failed', terminated(143, 31)),
      pod('Failed', terminated(3, 30, { message: 'no column' })),
    ];
    const record = end(snapshot(over('Failed', { reason: 'JobFailed' }), { pods }));
    expect(record).toMatchObject({ phase: 'failed', exit: { code: 3, signal: null } });
    expect(record.reason).toMatch(/^exit code 3: no column/);
  });

  test('tells a signal in place of an exit code', () => {
    const pods = [pod('Failed', terminated(137, 30, { signal: 9, reason: 'OOMKilled' }))];
    expect(end(snapshot(over('Failed'), { pods }))).toMatchObject({
      exit: { code: null, signal: '9' },
      reason: expect.stringContaining('OOMKilled') as unknown,
    });
  });

  test('tells a preemption by the Job’s rule when the pod is gone, at the job’s own times', () => {
    const told = { reason: 'PodFailurePolicy', message: 'Pod x has condition DisruptionTarget' };
    const jobs = [{ metadata: meta('c'), status: { conditions: [condition('Failed', told)] } }];
    expect(end(snapshot(over('Failed'), { jobs }))).toMatchObject({
      phase: 'failed',
      exit: null,
      reason: expect.stringMatching(/^preempted \(PodFailurePolicy/) as unknown,
      billableSeconds: 2 * 40,
    });
  });

  const mark = { at: START + 20, billableSeconds: 12, pods: 2, startedAt: at(10) };
  const stopping = job({ suspend: true, stop: mark, conditions: [condition('Suspended')] });

  test.each([
    ['a pod is left', { pods: [pod('Running')], jobSet: SUSPENDED }],
    ['the JobSet is not suspended', { jobSet: { metadata: meta('c') } }],
    ['a Job is not suspended', { jobSet: SUSPENDED, jobs: [{ metadata: meta('c') }] }],
    [
      'its Jobs have completed and the JobSet has not said so',
      {
        jobSet: SUSPENDED,
        jobs: [{ metadata: meta('c'), status: { conditions: [condition('Complete')] } }],
      },
    ],
    [
      'a Job has not counted a pod that ended',
      {
        jobSet: SUSPENDED,
        jobs: [
          {
            metadata: meta('c'),
            status: {
              conditions: [condition('Suspended')],
              uncountedTerminatedPods: { succeeded: ['uid-p'] },
            },
          },
        ],
      },
    ],
    [
      'a pod that ended is not counted yet',
      {
        jobSet: SUSPENDED,
        jobs: [SUSPENDED],
        pods: [
          {
            ...pod('Succeeded', terminated(0, 30)),
            metadata: meta('p', { finalizers: ['batch.kubernetes.io/job-tracking'] }),
          },
        ],
      },
    ],
  ])('says running of a job that is being stopped while %s', (_what, more) => {
    expect(assess(snapshot(stopping, more), START + 100)).toMatchObject({
      kind: 'live',
      phase: 'running',
    });
  });

  test('says cancelled once nothing can run any more, and bills its grace at most', () => {
    const rest = { jobSet: SUSPENDED, jobs: [SUSPENDED] };
    const record = { phase: 'cancelled', outputs: {}, startedAt: at(10) };
    expect(end(snapshot(stopping, rest), 23)).toMatchObject({ ...record, billableSeconds: 12 + 6 });
    expect(end(snapshot(stopping, rest), 99)).toMatchObject({
      ...record,
      billableSeconds: 12 + 10,
    });
  });

  test('says succeeded of a job that completed while it was being stopped', () => {
    const both = job({
      suspend: true,
      stop: mark,
      conditions: [condition('Suspended'), condition('Complete', { lastTransitionTime: at(40) })],
    });
    const pods = [pod('Succeeded', terminated(0, 30, { message: MANIFEST }))];
    expect(end(snapshot(both, { pods }))).toMatchObject({ phase: 'succeeded' });
  });
});
