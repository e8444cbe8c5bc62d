import { describe, expect, it } from '@jest/globals';

import type { Condition } from '../../../backends/connections/kubernetes/objects.ts';
import { acceptanceOf } from '../../../backends/kubeflow/kserve/acceptance.ts';
import {
  deploymentHealth,
  modelFailure,
  revisionHealth,
} from '../../../backends/kubeflow/kserve/health.ts';
import type { Deployment, HttpRoute } from '../../../backends/kubeflow/kserve/objects.ts';

const metadata = {
  name: 'm',
  namespace: 'ns',
  uid: 'u',
  resourceVersion: '1',
  creationTimestamp: '2026-11-24T00:00:00Z',
  generation: 3,
};
const condition = (
  type: string,
  status: Condition['status'],
  reason = '',
  message = '',
): Condition => ({ type, status, reason, message });

const rolledOut = { observedGeneration: 3, replicas: 2, updatedReplicas: 2, availableReplicas: 2 };
const deployment = (status: Deployment['status']): Deployment =>
  ({ metadata, spec: { replicas: 2 }, ...(status === undefined ? {} : { status }) }) as Deployment;

describe('deploymentHealth', () => {
  it('is ready when every server is up to date and available', () => {
    expect(deploymentHealth(deployment(rolledOut), undefined).phase).toBe('ready');
  });

  it.each([
    ['a change that was not looked at', { ...rolledOut, observedGeneration: 2 }],
    ['an old server that still runs', { ...rolledOut, replicas: 3 }],
    ['a server that is not available', { ...rolledOut, availableReplicas: 1 }],
    ['no status', undefined],
  ])('is starting with %s, although the InferenceService says Ready', (_, status) => {
    const told = { conditions: [condition('Ready', 'True'), condition('PredictorReady', 'True')] };
    expect(deploymentHealth(deployment(status), told).phase).toBe('starting');
  });

  it('is ready while Ready is Unknown and the servers answer', () => {
    const told = { conditions: [condition('Ready', 'Unknown')] };
    expect(deploymentHealth(deployment(rolledOut), told).phase).toBe('ready');
  });

  it('is ready with servers that answer, whatever an older attempt left in the status', () => {
    const modelStatus = {
      transitionStatus: 'BlockedByFailedLoad',
      lastFailureInfo: { reason: 'ModelLoadFailed', message: 'exit code 1' },
    } as const;
    expect(deploymentHealth(deployment(rolledOut), { modelStatus }).phase).toBe('ready');
  });

  it.each([
    ['ModelLoadFailed', 'MODEL_INVALID'],
    ['NoSupportingRuntime', 'SPEC_REJECTED'],
    ['InvalidPredictorSpec', 'SPEC_REJECTED'],
    ['RuntimeUnhealthy', 'DEPLOY_FAILED'],
  ])('fails by %s with %s, in the words of KServe', (reason, code) => {
    const modelStatus = {
      transitionStatus: 'BlockedByFailedLoad',
      lastFailureInfo: { reason, message: 'what the server said' },
    } as const;
    const health = deploymentHealth(null, { modelStatus });
    expect(health).toMatchObject({ phase: 'failed', code });
    expect(health.reason).toContain('what the server said');
  });

  it('fails when the Deployment gives up, and names a quota that is used up', () => {
    const deadline = condition('Progressing', 'False', 'ProgressDeadlineExceeded', 'timed out');
    const refused = condition('ReplicaFailure', 'True', 'FailedCreate', 'exceeded quota: gpus');
    const stuck = { ...rolledOut, availableReplicas: 0, updatedReplicas: 0 };
    expect(
      deploymentHealth(deployment({ ...stuck, conditions: [deadline] }), undefined),
    ).toMatchObject({ phase: 'failed', code: 'DEPLOY_FAILED' });
    expect(
      deploymentHealth(deployment({ ...stuck, conditions: [refused] }), undefined),
    ).toMatchObject({ phase: 'failed', code: 'QUOTA_EXCEEDED' });
  });

  it('is starting before there is a Deployment, with what KServe says hinders it', () => {
    const told = {
      conditions: [condition('PredictorReady', 'False', 'ReconcileFailed', 'no host')],
    };
    expect(deploymentHealth(null, told)).toMatchObject({ phase: 'starting', reason: 'no host' });
  });
});

describe('modelFailure', () => {
  it('is none once the transition is over, though the last failure is still told', () => {
    expect(
      modelFailure({
        transitionStatus: 'UpToDate',
        lastFailureInfo: { reason: 'ModelLoadFailed' },
      }),
    ).toBeNull();
  });
});

describe('revisionHealth', () => {
  it('is ready by latestReadyRevision, while Ready is Unknown in a normal update', () => {
    const status = { conditions: [condition('PredictorReady', 'Unknown')] };
    expect(revisionHealth(status, true).phase).toBe('ready');
    expect(revisionHealth(status, false).phase).toBe('starting');
  });

  it('fails when Knative says that the revision failed', () => {
    const status = {
      conditions: [condition('PredictorReady', 'False', 'RevisionFailed', 'container exited')],
    };
    expect(revisionHealth(status, false)).toMatchObject({ phase: 'failed', code: 'DEPLOY_FAILED' });
  });
});

describe('acceptanceOf', () => {
  const gateway = { namespace: 'gw', name: 'models' };
  const taken = (observedGeneration: number, status: Condition['status'] = 'True') =>
    ['Accepted', 'ResolvedRefs'].map((type) => ({
      ...condition(type, status, 'Because', 'said the gateway'),
      observedGeneration,
    }));
  const routeWith = (parents: NonNullable<HttpRoute['status']>['parents']): HttpRoute => ({
    metadata,
    spec: {},
    status: { parents: parents ?? [] },
  });

  it('is accepted when the gateway took the present generation', () => {
    const route = routeWith([{ parentRef: gateway, conditions: taken(3) }]);
    expect(acceptanceOf(route, gateway).state).toBe('accepted');
  });

  it('is pending while the gateway speaks of an older generation, or nobody speaks', () => {
    const old = routeWith([{ parentRef: gateway, conditions: taken(2, 'False') }]);
    expect(acceptanceOf(old, gateway).state).toBe('pending');
    expect(acceptanceOf(routeWith([]), gateway).state).toBe('pending');
  });

  it('is refused in the gateway’s own words', () => {
    const route = routeWith([{ parentRef: gateway, conditions: taken(3, 'False') }]);
    expect(acceptanceOf(route, gateway)).toMatchObject({
      state: 'refused',
      told: 'the gateway says Because: said the gateway',
    });
  });

  it('is refused when a part of the route is dropped', () => {
    const partial = { ...condition('PartiallyInvalid', 'True', 'Dropped'), observedGeneration: 3 };
    const route = routeWith([{ parentRef: gateway, conditions: [...taken(3), partial] }]);
    expect(acceptanceOf(route, gateway).state).toBe('refused');
  });

  it('counts the gateway of the settings, and no other', () => {
    const other = { namespace: 'gw', name: 'other' };
    const route = routeWith([{ parentRef: other, conditions: taken(3) }]);
    expect(acceptanceOf(route, gateway).state).toBe('pending');
    expect(acceptanceOf(route, null).state).toBe('accepted');
  });
});
