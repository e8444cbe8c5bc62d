/**
 * A whole installation with a real SSH host beside the local backend: what an operator does, from the
 * price list to a model in the store.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';

import { createArtifacts } from '../../../backends/local/artifacts.ts';
import type { TrainResult } from '../../../core/training/request.ts';
import type { BackendCheck, BackendOffer } from '../../../service/operations/backends.ts';
import type { RunView } from '../../../service/operations/run-view.ts';
import type { StartPlan } from '../../../service/operations/start-work.ts';
import type { WorkList } from '../../../service/operations/work.ts';
import { localSettingsFor } from '../../../workers/settings.ts';
import { anInstallation, succeeded } from '../../support/installation.ts';
import { sshSettingsIn } from './settings.ts';

jest.setTimeout(300_000);

const installation = anInstallation();
const { home, orreryJson } = installation;
const artifacts = createArtifacts({ home });
const request = join(home, 'request.json');

beforeAll(async () => {
  const { backends } = localSettingsFor(home);
  // The store of the local backend, so that both see the same artifacts.
  const ssh = { ...(await sshSettingsIn(home)), store: join(home, 'artifacts') };
  const settings = join(home, 'two-backends.json');
  writeFileSync(settings, JSON.stringify({ backends: { ...backends, ssh } }));
  succeeded(await installation.up({ ORRERY_SETTINGS: settings }));
  const table = new TextEncoder().encode('id,label\n1,0\n2,1\n');
  const copy = (name: string) => `cp "$ORRERY_INPUT_DIR/data.csv" "$ORRERY_OUTPUT_DIR/${name}"`;
  const program = (script: string) => ({
    command: ['/bin/sh', '-c', script],
    timeoutSeconds: 60,
  });
  writeFileSync(
    request,
    JSON.stringify({
      schemaVersion: 1,
      model: 'tiny',
      version: 'v1',
      data: await artifacts.put(table),
      backends: { default: 'local', steps: { prepare: ['local'], train: ['ssh', 'local'] } },
      training: {
        prepare: program(`${copy('train.csv')}; ${copy('heldout.csv')}`),
        train: program('cp "$ORRERY_INPUT_DIR/train.csv" "$ORRERY_OUTPUT_DIR/model.onnx"'),
        resources: { cpus: 1, memoryMiB: 256 },
        // A login under load takes seconds.
        policy: { heartbeatTimeoutSeconds: 30 },
      },
    }),
  );
});
afterAll(() => installation.remove());

test('backends list and check tell a host that answers, with its price', async () => {
  const { offers } = await orreryJson<{ offers: BackendOffer[] }>('backends', 'list');
  expect(offers.find(({ name }) => name === 'ssh')).toMatchObject({
    configured: true,
    endpoint: expect.stringContaining('ssh://'),
    price: { usdPerHour: 0.25 },
  });
  const [check] = await orreryJson<BackendCheck[]>('backends', 'check', 'ssh');
  expect(check?.findings.find(({ subject }) => subject === 'credentials')?.state).toBe('ok');
});

test('train start prices each step on its backends, and a training runs on both', async () => {
  const plan = await orreryJson<StartPlan>('train', 'start', request, '--dry-run');
  const quoted = plan.steps.map(({ prices }) => prices.map((price) => price?.usdPerHour));
  expect(quoted).toEqual([[0.1], [0.25, 0.1]]);
  const view = await orreryJson<RunView>('train', 'start', request, '-y', '--wait');
  const { model, heldOut, jobs } = view.result as TrainResult;
  expect(jobs).toMatchObject([
    { step: 'prepare', backend: 'local' },
    { step: 'train', backend: 'ssh' },
  ]);
  // What came from the host is in the local store, under the digest that the host told.
  expect(model.sha256).toBe(heldOut.sha256);
  expect(Buffer.from(await artifacts.read(model)).toString()).toContain('2,1');
  const { work } = await orreryJson<WorkList>('work', 'list', '--backend', 'ssh');
  expect(work).toMatchObject([
    { phase: 'succeeded', owner: 'ended', orphan: false, labels: { workflowId: view.workflowId } },
  ]);
});
