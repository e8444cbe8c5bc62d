/** What holds the stand-in to the real contract, from outside of both. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';

import { runIdOf } from '../../../backends/kubeflow/kfp/identity.ts';
import { ensureKfpClient } from './install.ts';
import { SAMPLE, startKfp } from './open.ts';
import { readContract } from './server/contract.ts';
import { routeOf } from './server/routes.ts';
import type { KfpServer } from './server/serve.ts';

jest.setTimeout(60_000);
const PROGRAM = join(import.meta.dirname, 'second_opinion.py');
/** Calls of the API that neither we nor a test make. */
const NOT_PLAYED =
  /archive|auth|filters|workflows|visualizations|:enable|:disable|PATCH|create$|upload$/;

describe('The stand-in for Kubeflow Pipelines', () => {
  let server: KfpServer;
  beforeAll(async () => {
    server = await startKfp();
  });
  afterAll(() => server.close());

  it('is understood by the official client, which sees the same protocol', async () => {
    const { python } = ensureKfpClient();
    const pipeline = [...server.world.pipelines.values()].find(({ name }) => name === SAMPLE)!;
    const { stdout } = await promisify(execFile)(python, [PROGRAM, server.url, pipeline.id]);
    const told = JSON.parse(stdout) as Record<string, unknown> & {
      readonly anchor_id: string;
      readonly run_id: string;
    };
    expect(told).toMatchObject({
      experiment_again: 409,
      anchor: 'DISABLED',
      same_run: true,
      listed: [told.run_id],
      canceling: 'CANCELING',
      ended: 'FAILED',
      history: expect.arrayContaining(['PENDING', 'CANCELING', 'FAILED']),
      tasks: ['prepare', 'train'],
      pipeline: SAMPLE,
    });
    expect(told.run_id).toBe(runIdOf(told.anchor_id, 'key'));
    expect(server.violations).toEqual([]);
  });

  it('has each call of the published API, but for those that nobody makes', () => {
    const { calls } = readContract(ensureKfpClient().contract);
    const missing = calls
      .filter(({ method, path }) => !NOT_PLAYED.test(`${method} ${path}`))
      .filter(({ method, path }) => {
        try {
          routeOf(method, path.replace(/\{[^}]+\}/g, 'x'));
          return false;
        } catch {
          return true;
        }
      })
      .map(({ method, path }) => `${method} ${path}`);
    expect(missing.toSorted()).toEqual(
      [
        'GET /apis/v2beta1/experiments/{experiment_id}',
        'DELETE /apis/v2beta1/pipelines/{pipeline_id}/versions/{pipeline_version_id}',
        'POST /apis/v2beta1/pipelines/{pipeline_id}/versions',
        'GET /apis/v2beta1/recurringruns/{recurring_run_id}',
      ].toSorted(),
    );
  });

  it.each([
    ['a member that the API does not know', { display_name: 'x', colour: 'blue' }],
    ['a number where the API has a text', { display_name: 7 }],
    ['a state that the API does not have', { display_name: 'x', state: 'PAUSING' }],
  ])('refuses %s', async (_, body) => {
    const reply = await fetch(`${server.url}/apis/v2beta1/runs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    expect(reply.status).toBe(400);
  });
});
