/**
 * What a person gets for bad input, from outside: one clear error of the catalogue with what to do
 * next, a non-zero exit, and nothing left half done. Real server, workers, host agent; small
 * programs in `sh` stand for trainings.
 */
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { connectAgent } from '../../backends/local/agent/client.ts';
import { fraudRequest } from '../../examples/fraud/requests.ts';
import { signApproval } from '../../kernels/evidence/approval.ts';
import { anInstallation, succeeded } from '../support/installation.ts';
import type { Installation, Ran } from '../support/installation.ts';
import { writeTinyModels } from '../support/tiny-models.ts';

let installation: Installation;
let folder: string;

/** A table of 30 rows with every column of a small contract. */
function table(
  columns: readonly string[],
  cell: (column: string, row: number) => string | number,
): string {
  const rows = Array.from({ length: 30 }, (_, row) =>
    columns.map((column) => cell(column, row)).join(','),
  );
  return `${[columns.join(','), ...rows].join('\n')}\n`;
}
const GOOD = table(['amount', 'age', 'label'], (column, row) =>
  column === 'label' ? row % 2 : ((row * 7919) % 13) + (column === 'amount' ? 1 : 2),
);

/** A request for a tiny life; `train` is the body of its training program. */
function request(
  version: string,
  changes: Record<string, unknown> = {},
  train = 'cp "$MODEL" "$ORRERY_OUTPUT_DIR/model.onnx"',
) {
  const base = fraudRequest({
    version,
    author: 'ada',
    dataPath: join(folder, 'good.csv'),
    programsDir: folder,
    backend: 'local',
  });
  const program = (name: string, body: string) => {
    const path = join(folder, `${version}-${name}.sh`);
    writeFileSync(path, `MODEL='${join(folder, 'logistic.onnx')}'\n${body}\n`);
    return { command: ['/bin/sh', path], params: {}, timeoutSeconds: 60 };
  };
  const split =
    'cp "$ORRERY_INPUT_DIR/data.csv" "$ORRERY_OUTPUT_DIR/train.csv"; cp "$ORRERY_INPUT_DIR/data.csv" "$ORRERY_OUTPUT_DIR/heldout.csv"';
  return {
    ...base,
    data: {
      uri: `file://${join(folder, 'good.csv')}`,
      contract: {
        format: 'csv',
        columns: [
          { name: 'amount', type: 'number' },
          { name: 'age', type: 'number' },
          { name: 'label', type: 'integer', role: 'label' },
        ],
        label: 'label',
        rowsMin: 10,
      },
    },
    training: {
      ...base.training,
      prepare: program('prepare', split),
      train: program('train', train),
      policy: { attemptsMax: 1 },
    },
    evaluation: { floor: 0, lossMax: 1, resamples: 100 },
    ...changes,
  };
}

function fileOf(name: string, value: unknown): string {
  const path = join(folder, `${name}.json`);
  writeFileSync(path, JSON.stringify(value));
  return path;
}

/** Starts a life that must fail, and waits for its end. */
function started(version: string, value: unknown): Promise<Ran> {
  return installation.orrery('lifecycle', 'start', '--request', fileOf(version, value), '--wait');
}

function expectError(result: Ran, code: string, ...told: readonly (string | RegExp)[]): void {
  const text = `${result.stdout}${result.stderr}`;
  expect(result.code).not.toBe(0);
  expect(text).toContain(code);
  expect(result.stderr).toMatch(/next: \S/);
  expect(text).not.toMatch(/\n\s+at .*:\d+:\d+/);
  for (const part of told) expect(text).toMatch(part);
}

beforeAll(async () => {
  installation = anInstallation();
  folder = join(installation.home, 'inputs');
  mkdirSync(folder);
  writeFileSync(join(folder, 'good.csv'), GOOD);
  await writeTinyModels(folder);
  succeeded(await installation.up());
}, 120_000);

afterAll(() => installation.remove());

describe('A request', () => {
  test('with wrong members is refused before anything starts, each member named', async () => {
    const wrong = request('v1', {
      schemaVersion: 2,
      author: '',
      release: { regions: [], stepsPercent: [1, 120] },
    });
    const result = await started('v1', wrong);
    expectError(
      result,
      'REQUEST_INVALID',
      /schemaVersion/,
      /author/,
      /release\.regions/,
      /release\.stepsPercent\.1/,
    );
    expectError(await installation.orrery('lifecycle', 'show', 'fraud', 'v1'), 'NOT_FOUND');
  });

  test('for an unknown backend names those that there are', async () => {
    expectError(
      await started('v2', request('v2', { backends: { default: 'nowhere' } })),
      'BACKEND_UNKNOWN',
      /local/,
    );
  });

  test('for data that is not there says so', async () => {
    const data = { ...request('v3').data, uri: `file://${join(folder, 'missing.csv')}` };
    expectError(await started('v3', request('v3', { data })), 'DATA_UNREADABLE', /missing\.csv/);
  });

  test('for data with a missing column names the column', async () => {
    writeFileSync(
      join(folder, 'short.csv'),
      table(['amount', 'label'], (column, row) => (column === 'amount' ? row * 3 : row % 2)),
    );
    const data = { ...request('v4').data, uri: `file://${join(folder, 'short.csv')}` };
    expectError(await started('v4', request('v4', { data })), 'DATA_CONTRACT_BROKEN', /"age"/);
  });

  test('for data whose feature copies the label says leakage', async () => {
    writeFileSync(
      join(folder, 'leak.csv'),
      table(['amount', 'age', 'label'], (column, row) =>
        column === 'amount' ? (row * 7) % 11 : row % 2,
      ),
    );
    const data = { ...request('v5').data, uri: `file://${join(folder, 'leak.csv')}` };
    expectError(
      await started('v5', request('v5', { data })),
      'DATA_CONTRACT_BROKEN',
      /"age".*label|label.*"age"/,
    );
  });

  test('that is no JSON is refused', async () => {
    const path = join(folder, 'no.json');
    writeFileSync(path, '{"schemaVersion": 1,');
    expectError(
      await installation.orrery('lifecycle', 'start', '--request', path),
      'REQUEST_INVALID',
    );
  });
});

describe('A training', () => {
  test('that refuses its input is not tried again, and its log is named', async () => {
    const refusing = request('v6', {}, 'echo "no such column" >&2; exit 64');
    expectError(await started('v6', refusing), 'JOB_REJECTED', /job\.log/);
  });

  test('that leaves half a model fails when the file is scored', async () => {
    const half = request('v7', {}, 'head -c 100 "$MODEL" > "$ORRERY_OUTPUT_DIR/model.onnx"');
    expectError(await started('v7', half), 'JOB_REJECTED', /MODEL_INVALID|model\.onnx/);
  });
});

describe('An approval', () => {
  let wanted: Record<'workflowId' | 'modelSha256' | 'reportSha256' | 'nonce', string>;
  let apiUrl: string;
  const keyOf = (name: string) => join(installation.home, 'keys', 'approvers', `${name}.pem`);

  beforeAll(async () => {
    apiUrl = installation.record().apiUrl;
    succeeded(
      await installation.orrery('lifecycle', 'start', '--request', fileOf('v8', request('v8'))),
    );
    for (;;) {
      const view = await installation.orreryJson<{
        state: { approval: typeof wanted | null; outcome: string | null } | null;
      }>('lifecycle', 'show', 'fraud', 'v8');
      if (view.state?.outcome) throw new Error(`v8 ended as ${view.state.outcome}`);
      if (view.state?.approval) {
        const { workflowId, modelSha256, reportSha256, nonce } = view.state.approval;
        wanted = { workflowId, modelSha256, reportSha256, nonce };
        return;
      }
    }
  }, 60_000);

  test('by the author is refused', async () => {
    expectError(
      await installation.orrery('lifecycle', 'approve', 'fraud', 'v8', '--key', keyOf('ada')),
      'APPROVER_IS_AUTHOR',
    );
  });

  test('for another digest or question, by a stranger, or with a broken signature is refused', async () => {
    const { privateKey } = generateKeyPairSync('ed25519', {
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    });
    const statement = { ...wanted, decision: 'approve' as const, reason: '' };
    const good = signApproval(privateKey, statement);
    const send = async (approval: unknown) => {
      const answer = await fetch(`${apiUrl}/v1/lifecycles/fraud/v8/approve`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(approval),
      });
      const { code, action } = (await answer.json()) as { code: string; action: string };
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(answer.status).toBeLessThan(500);
      expect(action).not.toBe('');
      return code;
    };
    const other = 'f'.repeat(64);
    expect(await send(signApproval(privateKey, { ...statement, modelSha256: other }))).toBe(
      'APPROVAL_MISMATCH',
    );
    expect(await send(signApproval(privateKey, { ...statement, nonce: 'old' }))).toBe(
      'APPROVAL_MISMATCH',
    );
    expect(await send(good)).toBe('APPROVER_UNKNOWN');
    expect(['APPROVAL_MALFORMED', 'REQUEST_INVALID']).toContain(await send({ statement }));
  });

  test('that was refused leaves the run waiting, and a cancelled run leaves nothing behind', async () => {
    const show = () =>
      installation.orreryJson<{ state: { approval: unknown }; status: string }>(
        'lifecycle',
        'show',
        'fraud',
        'v8',
      );
    expect((await show()).state.approval).not.toBeNull();
    succeeded(await installation.orrery('lifecycle', 'cancel', 'fraud', 'v8', '-y'));
    const { jobs, services } = await connectAgent(installation.home).list();
    expect(jobs).toEqual([]);
    expect(
      services.filter(({ name }) => name.startsWith('scorer') || name.includes('fraud')),
    ).toEqual([]);
  });
});

describe('A version', () => {
  test('that does not exist is NOT_FOUND for every order', async () => {
    for (const order of ['show', 'pause', 'resume', 'history']) {
      expectError(await installation.orrery('lifecycle', order, 'fraud', 'nowhere'), 'NOT_FOUND');
    }
    expectError(
      await installation.orrery('lifecycle', 'rollback', 'fraud', 'nowhere', '-y'),
      'NOT_FOUND',
    );
  });

  test('whose run was started under the wrong id by the Temporal CLI fails with ID_MISMATCH', async () => {
    const workflowId = 'lifecycle/fraud/other';
    await installation.temporal(
      'workflow',
      'start',
      '--type',
      'runLifecycle',
      '--task-queue',
      'orchestrate',
      '--workflow-id',
      workflowId,
      '--input-file',
      fileOf('v9', request('v9')),
    );
    await expect(
      installation.temporal('workflow', 'result', '--workflow-id', workflowId),
    ).rejects.toThrow('its id is "lifecycle/fraud/v9"');
    const shown = await installation.orrery('lifecycle', 'show', 'fraud', 'other');
    expect(shown.stdout).toContain('ID_MISMATCH');
  });
});
