import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { setPaused } from '../../../backends/airflow/dags.ts';
import { backend } from '../../../backends/airflow/index.ts';
import { placeOf } from '../../../backends/airflow/runs.ts';
import { ERRORS, OrreryError, type ErrorCode } from '../../../core/errors.ts';
import type { Pipeline } from '../../../core/ports/pipeline.ts';
import { freshName } from '../../support/contract/harness.ts';
import { startFaultProxy, type ProxyFault } from '../../support/fault-proxy.ts';
import { scriptedFaults } from '../../support/fault-script.ts';
import { flowOf, shellTask } from './flows.ts';
import { settingsFor } from './login.ts';
import { openAirflow, type OpenedAirflow } from './opened.ts';
import { defined, readToEnd, runOf, witness } from './runs.ts';

async function refusalOf(call: Promise<unknown>): Promise<OrreryError> {
  const error: unknown = await call.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(OrreryError);
  return error as OrreryError;
}

describe('Bad input to the backend on Airflow', () => {
  let opened: OpenedAirflow;
  let pipeline: Pipeline;
  beforeAll(async () => {
    opened = await openAirflow();
    pipeline = opened.port('pipeline');
  });
  afterAll(() => opened.open.close());

  const expectCode = async (call: Promise<unknown>, code: ErrorCode, retryable: boolean) => {
    const error = await refusalOf(call);
    expect([error.code, error.message]).toEqual([code, expect.stringMatching(/^Cannot /)]);
    expect(ERRORS[error.code].retryable).toBe(retryable);
    return error;
  };
  const withSettings = async (
    settings: ReturnType<typeof settingsFor>,
    use: (pipeline: Pipeline) => Promise<void>,
  ) => {
    const other = await backend.open(settings);
    try {
      await use(other.ports.pipeline!);
    } finally {
      await other.close();
    }
  };
  const throughProxy = async (
    on: RegExp,
    fault: ProxyFault,
    use: (pipeline: Pipeline) => Promise<void>,
  ) => {
    const proxy = await startFaultProxy({
      upstream: opened.airflow.url,
      decide: scriptedFaults([{ on, fault, times: Infinity }]),
    });
    const settings = settingsFor(opened.airflow, { endpoint: proxy.url, requestSeconds: 2 });
    await withSettings(settings, use).finally(() => proxy.close());
  };

  it('a wrong password is CREDENTIALS_INVALID, and the message holds no part of it', async () => {
    process.env['WRONG_USER'] = 'orrery';
    process.env['WRONG_PASSWORD'] = 'hunter2hunter2';
    const credentials = { from: 'environment', username: 'WRONG_USER', password: 'WRONG_PASSWORD' };
    await withSettings(settingsFor(opened.airflow, { credentials }), async (other) => {
      const error = await expectCode(
        other.start(runOf('contract-passes')),
        'CREDENTIALS_INVALID',
        false,
      );
      expect(error.message).not.toContain('hunter2');
      expect(error.message).toContain('401');
    });
  });

  it('missing credentials are CREDENTIALS_INVALID and name what is missing', async () => {
    const credentials = { from: 'environment', username: 'NOBODY_SET_A', password: 'NOBODY_SET_B' };
    await withSettings(settingsFor(opened.airflow, { credentials }), async (other) => {
      const call = other.start(runOf('contract-passes'));
      const { message } = await expectCode(call, 'CREDENTIALS_INVALID', false);
      expect(message).toContain('NOBODY_SET_A and NOBODY_SET_B');
    });
  });

  it('a user who may only look is ACCESS_DENIED', async () => {
    await withSettings(settingsFor(opened.airflow, {}, 'viewer'), async (other) => {
      await expectCode(other.start(runOf('contract-passes')), 'ACCESS_DENIED', false);
    });
  });

  it('an address where nobody answers is BACKEND_UNAVAILABLE', async () => {
    const endpoint = 'http://127.0.0.1:9';
    await withSettings(settingsFor(opened.airflow, { endpoint }), async (other) => {
      await expectCode(other.start(runOf('contract-passes')), 'BACKEND_UNAVAILABLE', true);
    });
  });

  it('a page in place of JSON is REPLY_MALFORMED, and a gateway that is away is BACKEND_UNAVAILABLE', async () => {
    const read = (other: Pipeline) => other.read({ key: 'x', remoteId: 'contract-passes/x' });
    await throughProxy(/GET .*dagRuns/, { kind: 'garbled' }, async (other) => {
      await expectCode(read(other), 'REPLY_MALFORMED', true);
    });
    await throughProxy(/GET .*dagRuns/, { kind: 'html' }, async (other) => {
      await expectCode(read(other), 'BACKEND_UNAVAILABLE', true);
    });
  });

  it('JSON of another shape is REPLY_MALFORMED and names the member', async () => {
    const body = JSON.stringify({ dag_id: 'a', state: 'levitating' });
    await throughProxy(/GET .*dagRuns/, { kind: 'status', status: 200, body }, async (other) => {
      const read = other.read({ key: 'x', remoteId: 'contract-passes/x' });
      expect((await expectCode(read, 'REPLY_MALFORMED', true)).message).toContain('state');
    });
  });

  it('429 and 500 are BACKEND_UNAVAILABLE', async () => {
    for (const status of [429, 500]) {
      await throughProxy(/POST .*dagRuns/, { kind: 'status', status }, async (other) => {
        await expectCode(other.start(runOf('contract-passes')), 'BACKEND_UNAVAILABLE', true);
      });
    }
  });

  it('a token that the server takes back is renewed without anybody noticing', async () => {
    let refused = 0;
    const proxy = await startFaultProxy({
      upstream: opened.airflow.url,
      decide: ({ path }) =>
        path.includes('dagRuns') && (refused += 1) === 1 ? { kind: 'status', status: 401 } : null,
    });
    await withSettings(settingsFor(opened.airflow, { endpoint: proxy.url }), async (other) => {
      expect((await other.read({ key: 'x', remoteId: 'contract-passes/x' })).phase).toBe('lost');
    });
    const logins = proxy.outcomes.filter(({ call }) => call.path === '/auth/token');
    expect(logins).toHaveLength(2);
    await proxy.close();
  });

  it('a run id with forbidden characters is REQUEST_INVALID before anything is sent', async () => {
    for (const key of ['lifecycle/fraud/v1', 'ünï', 'a b', '', 'x'.repeat(251)]) {
      const intent = { ...runOf('contract-passes'), key };
      await expectCode(pipeline.start(intent), 'REQUEST_INVALID', false);
    }
  });

  it('a run of our id that a stranger made is NAME_TAKEN', async () => {
    const intent = runOf('contract-passes');
    await witness(opened.settings, (client) =>
      client.send({
        action: 'start a run',
        method: 'POST',
        path: '/dags/{dag_id}/dagRuns',
        at: { dag_id: 'contract-passes' },
        body: { dag_run_id: intent.key, logical_date: null },
      }),
    );
    const { message } = await expectCode(pipeline.start(intent), 'NAME_TAKEN', false);
    expect(message).toContain('not ours');
  });

  it('a run that is deleted behind our back reads as lost, and its stop does too', async () => {
    const { handle } = await pipeline.start(runOf('contract-passes'));
    await readToEnd(pipeline, handle.remoteId);
    const { dag, run } = placeOf(handle.remoteId);
    await witness(opened.settings, (client) =>
      client.send({
        action: 'delete a run',
        method: 'DELETE',
        path: '/dags/{dag_id}/dagRuns/{dag_run_id}',
        at: { dag_id: dag, dag_run_id: run },
      }),
    );
    expect((await pipeline.read(handle)).phase).toBe('lost');
    expect((await pipeline.stop(handle)).phase).toBe('lost');
    expect((await pipeline.retry(handle)).phase).toBe('lost');
  });

  it('parameters that the DAG refuses are SPEC_REJECTED with its own message', async () => {
    const name = freshName('strict');
    const text = [
      'from airflow.sdk import DAG, Param',
      'from airflow.providers.standard.operators.empty import EmptyOperator',
      `with DAG("${name}", schedule=None, is_paused_upon_creation=False,`,
      '         params={"rate": Param(0.1, type="number", maximum=1)}):',
      '    EmptyOperator(task_id="only")',
    ].join('\n');
    await opened.port('definitions').put({ name, content: { kind: 'source', text } });
    const { message } = await expectCode(
      pipeline.start(runOf(name, { rate: 7 })),
      'SPEC_REJECTED',
      false,
    );
    expect(message).toMatch(/7 is greater than the maximum of 1/);
    await opened.port('definitions').remove(name);
  });

  it('a paused DAG is SPEC_REJECTED, or unpaused where the settings say so', async () => {
    const name = await defined(opened, 'paused', flowOf([shellTask('only', 'true')]));
    await witness(opened.settings, (client) => setPaused(client, name, true));
    const { message } = await expectCode(pipeline.start(runOf(name)), 'SPEC_REJECTED', false);
    expect(message).toContain('paused');
    const settings = settingsFor(opened.airflow, { pausedDags: 'unpause' });
    await withSettings(settings, async (other) => {
      const { handle } = await other.start(runOf(name));
      expect((await readToEnd(other, handle.remoteId)).phase).toBe('succeeded');
    });
    await opened.port('definitions').remove(name);
  });

  it('a version of a DAG is OPERATION_UNSUPPORTED: Airflow runs what it parsed last', async () => {
    const { spec, ...intent } = runOf('contract-passes');
    const start = pipeline.start({ ...intent, spec: { ...spec, version: '2' } });
    await expectCode(start, 'OPERATION_UNSUPPORTED', false);
  });

  it('a state that goes backwards is STATE_CONTRADICTED', async () => {
    const { handle } = await pipeline.start(runOf('contract-passes'));
    const { revision } = await readToEnd(pipeline, handle.remoteId);
    const { dag, run } = placeOf(handle.remoteId);
    const lie = {
      dag_id: dag,
      dag_run_id: run,
      state: 'running',
      queued_at: null,
      start_date: null,
      end_date: null,
      logical_date: null,
      run_after: new Date().toISOString(),
      conf: {},
      note: null,
    };
    const fault: ProxyFault = { kind: 'status', status: 200, body: JSON.stringify(lie) };
    await throughProxy(/GET .*dagRuns\/[^/]*$/, fault, async (other) => {
      const read = other.read(handle, { since: revision, waitMs: 5000 });
      await expectCode(read, 'STATE_CONTRADICTED', true);
    });
  });
});
