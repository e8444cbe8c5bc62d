import { describe, expect, it } from '@jest/globals';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { createPipelineActivities } from '../../activities/pipeline.ts';
import { toFailure, withFirstAnswer } from '../../activities/failures.ts';
import type { CallFault, WorldScript } from '../../backends/sim/settings.ts';
import { OrreryError } from '../../core/errors.ts';
import type { ErrorCode } from '../../core/errors.ts';
import { pipelineIntent } from '../support/contract/harness.ts';
import { createWorlds } from '../support/worlds.ts';

type Faults = NonNullable<WorldScript['faults']>;

const INTENT = pipelineIntent({ pipeline: 'endless', params: {} }, 'unread');

/** Runs a call as an attempt of an activity, without logs of the failures that are wanted here. */
async function inActivity<T>(attempt: number, call: () => Promise<T>): Promise<T> {
  const logger = new DefaultLogger('ERROR', () => undefined);
  return (await new MockActivityEnvironment({ attempt }, { logger }).run(call)) as T;
}

function scene(faults: Faults) {
  const worlds = createWorlds();
  const { world } = worlds.add('far', {
    pipelines: { endless: { tasks: [{ name: 'wait', stalls: true }] } },
    faults,
  });
  const activities = createPipelineActivities(worlds.deps);
  const stop = () =>
    inActivity(1, () => activities.stopRun({ backend: 'far', intent: INTENT, handle: null }));
  return { world, stop };
}
const refuses = (nth: number, throws: ErrorCode): CallFault => ({
  call: 'pipeline.start',
  nth,
  times: 99,
  moment: 'before',
  throws,
});

describe('stopRun without a handle', () => {
  it('adopts the run whose start was not answered, and stops it', async () => {
    const { world, stop } = scene([]);
    await world.ports.pipeline.start(INTENT);
    expect((await stop()).phase).toBe('cancelled');
    expect(world.journal.of('run.started')).toHaveLength(1);
  });

  it('finds the run in the inventory when the far side refuses to start it again', async () => {
    const { world, stop } = scene([refuses(2, 'QUOTA_EXCEEDED')]);
    await world.ports.pipeline.start(INTENT);
    expect((await stop()).phase).toBe('cancelled');
    expect(world.journal.of('run.ended')).toMatchObject([{ phase: 'cancelled' }]);
  });

  it('says lost where nothing is and the far side refuses to start it', async () => {
    const { stop } = scene([refuses(1, 'QUOTA_EXCEEDED')]);
    const reading = await stop();
    expect(reading.phase).toBe('lost');
    expect(reading.reason).toContain('the far side refuses to start it');
  });

  it('is tried again while the far side does not answer', async () => {
    const { stop } = scene([refuses(1, 'BACKEND_UNAVAILABLE')]);
    await expect(stop()).rejects.toMatchObject({ code: 'BACKEND_UNAVAILABLE' });
  });
});

describe('withFirstAnswer', () => {
  const failing = async () => {
    throw new OrreryError('QUOTA_EXCEEDED', 'Cannot start: no quota', { details: { limit: 3 } });
  };
  it.each([
    [1, { limit: 3, firstAnswer: true }],
    [2, { limit: 3 }],
  ])('tells in attempt %i of an activity %j', async (attempt, details) => {
    const error = await inActivity(attempt, () => withFirstAnswer(failing)).catch(toFailure);
    expect(error).toMatchObject({ type: 'QUOTA_EXCEEDED', nonRetryable: true, details: [details] });
  });
});
