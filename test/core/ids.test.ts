import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  endpointKey,
  lifecycleId,
  NAME_PATTERN,
  parseLifecycleId,
  parseRolloutId,
  retrainId,
  rolloutId,
  routeName,
  scheduleId,
  trainingId,
  VERSION_PATTERN,
} from '../../core/ids.ts';

const name = fc.stringMatching(NAME_PATTERN);
const version = fc.stringMatching(VERSION_PATTERN);

describe('ids', () => {
  it('of lifecycles and rollouts are read back as they were built', () => {
    fc.assert(
      fc.property(name, version, name, (model, of, region) => {
        expect(parseLifecycleId(lifecycleId({ model, version: of }))).toEqual({
          model,
          version: of,
        });
        const id = { model, version: of, region };
        expect(parseRolloutId(rolloutId(id))).toEqual(id);
      }),
    );
  });

  it('of different things differ', () => {
    const id = fc.record({ model: name, version, region: name });
    fc.assert(
      fc.property(id, id, (a, b) => {
        fc.pre(JSON.stringify(a) !== JSON.stringify(b));
        expect(rolloutId(a)).not.toBe(rolloutId(b));
      }),
    );
  });

  it('have one form each', () => {
    const id = { model: 'fraud', version: 'v1.2', region: 'eu' };
    expect([
      lifecycleId(id),
      trainingId(id),
      rolloutId(id),
      retrainId(id),
      scheduleId(id),
      routeName(id),
      endpointKey(id),
    ]).toEqual([
      'lifecycle/fraud/v1.2',
      'training/fraud/v1.2',
      'rollout/fraud/v1.2/eu',
      'retrain/fraud',
      'retrain-fraud',
      'fraud.eu',
      'fraud.eu.v1.2',
    ]);
  });

  it.each(['', 'Fraud', '1fraud', 'a/b', 'a b', 'a.b', 'ä', 'a'.repeat(41)])(
    'refuse the name %j',
    (model) => {
      expect(() => lifecycleId({ model, version: 'v1' })).toThrow(/Cannot use ".*" as a name/);
    },
  );

  it.each(['', 'V1', '.v1', '-v', 'a/b', 'a b', 'a'.repeat(41)])('refuse the version %j', (of) => {
    expect(() => lifecycleId({ model: 'fraud', version: of })).toThrow('as a version');
  });

  it.each([
    '',
    'lifecycle',
    'lifecycle/fraud',
    'lifecycle//v1',
    'rollout/fraud/v1',
    'lifecycle/fraud/v1/eu',
  ])('parseLifecycleId refuses %j', (id) => {
    expect(() => parseLifecycleId(id)).toThrow('the form is lifecycle/<model>/<version>');
  });

  it.each([
    '',
    'rollout/fraud',
    'rollout/fraud/v1',
    'rollout/fraud/v1/',
    'lifecycle/a/b/c',
    'rollout/a/b/c/d',
    'rollout//b/c',
  ])('parseRolloutId refuses %j', (id) => {
    expect(() => parseRolloutId(id)).toThrow('the form is rollout/<model>/<version>/<region>');
  });
});
