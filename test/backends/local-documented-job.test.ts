import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createArtifacts } from '../../backends/local/artifacts.ts';
import type { JobSpec } from '../../core/ports/compute.ts';
import { aHome, endedReading, intentOf, sh, until } from '../support/local-home.ts';
import type { Home } from '../support/local-home.ts';

/** The program in docs/jobs.md, as it stands there. */
const example = /```sh\n([^`]*)```/.exec(
  readFileSync(new URL('../../docs/jobs.md', import.meta.url), 'utf8'),
)![1]!;
const spec: Partial<JobSpec> = {
  params: { steps: 12 },
  outputs: ['count.txt'],
  checkpointScope: 'ccounts',
  graceSeconds: 5,
};

/** Real processes are slow on a loaded machine. */
jest.setTimeout(60_000);

let home: Home;
beforeAll(async () => {
  home = await aHome();
});
afterAll(() => home.close());

it('the example of docs/jobs.md saves when it is stopped, and its next attempt goes on from there', async () => {
  await home.agent.startJob(intentOf('jcounts1', spec), sh(example));
  await until(async () => ((await home.agent.readJob('jcounts1')).progress?.step ?? 0) >= 2);
  const stopped = await home.agent.stopJob('jcounts1');
  expect(stopped).toMatchObject({ phase: 'cancelled', exit: { code: 143 } });
  const saved = Number(readFileSync(join(home.path, 'checkpoints', 'ccounts', 'at'), 'utf8'));
  expect(saved).toBeGreaterThanOrEqual(2);

  await home.agent.startJob(intentOf('jcounts2', spec), sh(example));
  await until(async () => (await home.agent.readJob('jcounts2')).progress !== null);
  expect((await home.agent.readJob('jcounts2')).progress!.step).toBeGreaterThan(saved);
  const reading = await endedReading(home.agent, 'jcounts2');
  expect(reading).toMatchObject({
    phase: 'succeeded',
    progress: { step: 12, steps: 12, message: 'counting' },
  });
  expect(existsSync(join(home.path, 'checkpoints', 'ccounts'))).toBe(false);
  const count = await createArtifacts({ home: home.path }).read(reading.outputs['count.txt']!);
  expect(Buffer.from(count).toString()).toBe('12\n');
});

it('the example of docs/jobs.md saves when it is asked to, and goes on', async () => {
  const asked = { ...spec, params: { steps: 300 }, checkpointScope: 'casked' };
  await home.agent.startJob(intentOf('jasked', asked), sh(example));
  await until(async () => (await home.agent.readJob('jasked')).progress !== null);
  await home.agent.checkpointJob('jasked');
  await until(() => existsSync(join(home.path, 'checkpoints', 'casked', 'at')));
  expect((await home.agent.readJob('jasked')).phase).toBe('running');
  await home.agent.stopJob('jasked');
});

it('the example of docs/jobs.md rejects its parameters with 64 and one line', async () => {
  await home.agent.startJob(intentOf('jrejects', { ...spec, params: {} }), sh(example));
  const reading = await endedReading(home.agent, 'jrejects');
  expect(reading).toMatchObject({ phase: 'failed', exit: { code: 64 } });
  expect(reading.reason).toContain('parameter "steps" is missing');
});
