import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { WorldScript } from '../../backends/sim/settings.ts';
import type { World } from '../../backends/sim/world.ts';
import { QUERIES } from '../../core/messages.ts';
import type { TuneResult, TuningState } from '../../core/tuning/request.ts';
import { startTuning, tuneRequest } from '../support/flow-requests.ts';
import { failureOf } from '../support/life.ts';
import { until } from '../support/until.ts';
import { startWorkflowEngine } from '../support/workflow-engine.ts';
import type { WorkflowEngine } from '../support/workflow-engine.ts';

let engine: WorkflowEngine;
beforeAll(async () => {
  engine = await startWorkflowEngine('dev');
}, 60_000);
afterAll(() => engine.close());

let worlds = 0;
/** Trials take 20 s of the world's time; the best rate is 0.1. */
function world(script: WorldScript = {}) {
  worlds += 1;
  const name = `search-${worlds}`;
  const own: WorldScript = { objective: { optimum: { rate: 0.1 } }, jobSeconds: { train: 20 } };
  return { name, ...engine.worlds.add(name, { ...own, ...script }) };
}

const ends = ({ journal }: World) => journal.of('job.ended').map(({ phase }) => phase);

/** Most jobs that ran at once, by the world's own account. */
function mostAtOnce({ journal }: World): number {
  let running = 0;
  let most = 0;
  for (const { what } of journal.entries) {
    if (what === 'job.started') running += 1;
    if (what === 'job.ended') running -= 1;
    most = Math.max(most, running);
  }
  return most;
}

describe('tuneModel with the engine "orrery"', () => {
  test('finds the best point of a grid over jobs, parallelMax at once', async () => {
    const { name, world: there } = world();
    const handle = await startTuning(engine, tuneRequest(name));
    const result = (await handle.result()) as TuneResult;
    expect(result.best).toMatchObject({ phase: 'succeeded', params: { rate: 0.1 }, value: 1 });
    expect(Object.keys(result.outputs).sort()).toEqual(['metrics.json', 'model.onnx']);
    expect(result.trials.map(({ params }) => params['rate'])).toEqual([0.001, 0.01, 0.1, 1]);
    expect(result.billableSeconds).toBeCloseTo(80);
    expect(result.costUsd).toBeGreaterThan(0);
    expect(mostAtOnce(there)).toBe(2);
    const state = await handle.query<TuningState>(QUERIES.status);
    expect(state).toMatchObject({ outcome: 'succeeded', reason: 'all 4 points were tried' });
  });

  test('goes on after failed trials as long as failedMax allows, and then fails', async () => {
    const fails: WorldScript = {
      jobs: [{ params: { rate: 0.001 }, ending: { does: 'exit', code: 3 } }],
    };
    const kind = world(fails);
    const allowed = tuneRequest(kind.name, { search: { failedMax: 1 } });
    const result = (await (await startTuning(engine, allowed)).result()) as TuneResult;
    expect(result.trials[0]).toMatchObject({ phase: 'failed', value: null });
    expect(result.trials[0]?.billableSeconds).toBeCloseTo(20);
    expect(result.best.params).toEqual({ rate: 0.1 });

    const strict = world(fails);
    const refused = await startTuning(engine, tuneRequest(strict.name));
    const { code, message } = await failureOf(refused.result());
    expect(code).toBe('TUNING_FAILED');
    expect(message).toContain('1 trials failed, 0 may');
    expect(ends(strict.world)).not.toContain('running');
    expect(strict.world.journal.of('job.started').length).toBe(ends(strict.world).length);
  });

  test('stops a trial that is below the median of the completed ones', async () => {
    // From the best rate to the worst, so that the fourth and fifth have three to be compared with.
    const { name, world: there } = world({ objective: { optimum: { rate: 0.01 } } });
    const request = tuneRequest(name, {
      search: {
        earlyStopping: 'median',
        parallelMax: 1,
        trialsMax: 5,
        space: [{ name: 'rate', type: 'double', min: 0.01, max: 100, scale: 'log', gridPoints: 5 }],
      },
    });
    const handle = await startTuning(engine, request);
    const result = (await handle.result()) as TuneResult;
    expect(result.trials.map(({ phase }) => phase)).toEqual([
      'succeeded',
      'succeeded',
      'succeeded',
      'stopped',
      'stopped',
    ]);
    expect(result.trials[3]?.reason).toContain('is worse than the median');
    expect(result.best.params).toEqual({ rate: 0.01 });
    expect(ends(there).slice(3)).toEqual(['cancelled', 'cancelled']);
    // Decided at a quarter of 20 s; a stop takes a second.
    expect(result.trials[4]?.billableSeconds).toBeLessThan(10);
  });

  test('has stopped every trial when it is cancelled', async () => {
    const { name, world: there } = world({ jobs: [{ ending: { does: 'stall', atPercent: 50 } }] });
    const request = tuneRequest(name);
    const trial = { ...request.search.trial, timeoutSeconds: 2_000_000 };
    const handle = await startTuning(engine, {
      ...request,
      search: { ...request.search, trial, timeoutSeconds: 2_500_000 },
    });
    await until('two trials run', async () =>
      there.journal.of('job.started').length === 2 ? true : null,
    );
    await handle.cancel();
    expect((await failureOf(handle.result())).code).toBe('cancelled');
    expect(ends(there)).toEqual(['cancelled', 'cancelled']);
    expect(await handle.query<TuningState>(QUERIES.status)).toMatchObject({ outcome: 'cancelled' });
  });

  test('takes the next backend for a trial when the first has no quota', async () => {
    const full = world({
      faults: [{ call: 'compute.start', times: 99, moment: 'before', throws: 'QUOTA_EXCEEDED' }],
    });
    const free = world();
    const request = tuneRequest(free.name, { on: [full.name, free.name] });
    const result = (await (await startTuning(engine, request)).result()) as TuneResult;
    expect(result.best.params).toEqual({ rate: 0.1 });
    expect(full.world.journal.of('job.started')).toEqual([]);
    expect(free.world.journal.of('job.started')).toHaveLength(4);
  });

  test('fails when a program leaves no number of the objective', async () => {
    const { name } = world();
    const request = tuneRequest(name, {
      search: { objective: { metric: 'accuracy', goal: 'maximize' }, failedMax: 10 },
    });
    const { code, message } = await failureOf((await startTuning(engine, request)).result());
    expect(code).toBe('TUNING_FAILED');
    expect(message).toContain('its metrics.json has no "accuracy"');
  });

  test('refuses a bayesian search, and a grid that its trials do not cover', async () => {
    const { name } = world();
    const request = tuneRequest(name);
    const bayesian = { ...request, search: { ...request.search, algorithm: 'bayesian' as const } };
    const short = { ...request, search: { ...request.search, trialsMax: 3 } };
    const codes = [];
    for (const each of [bayesian, short])
      codes.push((await failureOf((await startTuning(engine, each)).result())).code);
    expect(codes).toEqual(['REQUEST_INVALID', 'REQUEST_INVALID']);
  });
});

describe('tuneModel with the engine "backend"', () => {
  test('reads the best trial of the far side’s own search', async () => {
    const { name, world: there } = world();
    const request = tuneRequest(name, { engine: 'backend' });
    const result = (await (await startTuning(engine, request)).result()) as TuneResult;
    expect(result.best).toMatchObject({ params: { rate: 0.1 }, value: 1 });
    expect(result.trials).toHaveLength(4);
    expect(there.journal.of('search.started')).toHaveLength(1);
    expect(there.journal.of('job.started')).toEqual([]);
  });

  test('goes on to the next backend when the first cannot search so', async () => {
    const grid = world();
    const other = world();
    const request = tuneRequest(grid.name, {
      engine: 'backend',
      on: [grid.name, other.name],
      search: { algorithm: 'bayesian' },
    });
    const { code, message } = await failureOf((await startTuning(engine, request)).result());
    expect(code).toBe('OPERATION_UNSUPPORTED');
    expect(message).toContain(`${grid.name}: Cannot search by "bayesian"`);
    expect(message).toContain(`${other.name}: Cannot search by "bayesian"`);
  });

  test('fails with the far side’s reason after the attempts of its policy', async () => {
    const { name, world: there } = world({ searches: [{ trialsFail: 9 }] });
    const request = tuneRequest(name, { engine: 'backend', policy: { attemptsMax: 2 } });
    const { code, message } = await failureOf((await startTuning(engine, request)).result());
    expect(code).toBe('TUNING_FAILED');
    expect(message).toContain('attempt 2 of 2');
    expect(there.journal.of('search.started')).toHaveLength(2);
  });

  test('is cancelled once the search and its trials have ended', async () => {
    const { name, world: there, hold } = world({ searches: [{ stalls: true }] });
    const watched = hold.at('tuning.read', 2);
    const handle = await startTuning(engine, tuneRequest(name, { engine: 'backend' }));
    await watched.reached;
    await handle.cancel();
    await until('it has ended', async () => there.journal.of('search.ended')[0] ?? null);
    watched.release();
    expect((await failureOf(handle.result())).code).toBe('cancelled');
    expect(there.journal.of('search.ended').map(({ phase }) => phase)).toEqual(['cancelled']);
  });
});
