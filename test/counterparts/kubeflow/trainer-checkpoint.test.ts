import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import type { Pod } from '../../../backends/connections/kubernetes/objects.ts';
import type { JobHandle, JobReading } from '../../../core/ports/compute.ts';
import { contractIntent, expectCode, freshName } from '../../support/contract/harness.ts';
import { until } from '../../support/until.ts';
import { followJob, openKubeflow, RUNS_LONG } from './trainer-way.ts';
import { openWorkplace } from './workplace.ts';
import type { Workplace } from './workplace.ts';

let workplace: Workplace;
beforeAll(async () => {
  workplace = await openWorkplace();
});
afterAll(() => workplace.close());

const running = (reading: JobReading) => reading.phase === 'running';
const podsOf = async ({ key }: JobHandle) => {
  const labelSelector = `jobset.sigs.k8s.io/jobset-name=${key}`;
  const pods = `/api/v1/namespaces/${workplace.namespace}/pods`;
  return (await workplace.admin.list<Pod>(pods, { labelSelector })).items;
};

describe('requestCheckpoint', () => {
  test('runs the configured command in the container of each running pod', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'orrery-checkpoint-'));
    // The counterpart runs it as nobody.
    await chmod(folder, 0o777);
    const file = join(folder, 'asked');
    const asking = await openKubeflow(workplace.kubeconfig, workplace.namespace, {
      nodes: 2,
      checkpointCommand: ['/bin/sh', '-c', `echo asked >> ${file}`],
    });
    const { handle } = await asking.ports.compute!.start(
      contractIntent(RUNS_LONG, freshName('checkpoint')),
    );
    await until('both pods run', async () => {
      const pods = await podsOf(handle);
      return pods.filter(({ status }) => status?.phase === 'Running').length === 2 ? true : null;
    });
    await asking.ports.compute!.requestCheckpoint(handle);
    expect(await readFile(file, 'utf8')).toBe('asked\nasked\n');
    await asking.ports.compute!.stop(handle);
    await asking.close();
    await rm(folder, { recursive: true });
  });

  test('that fails in the container says what was written to standard error', async () => {
    const asking = await openKubeflow(workplace.kubeconfig, workplace.namespace, {
      checkpointCommand: ['/bin/sh', '-c', 'echo "no such process" >&2; exit 1'],
    });
    const { handle } = await asking.ports.compute!.start(
      contractIntent(RUNS_LONG, freshName('checkpoint')),
    );
    await followJob(asking.ports.compute!, handle, running);
    const call = asking.ports.compute!.requestCheckpoint(handle);
    await expect(call).rejects.toMatchObject({
      code: 'SPEC_REJECTED',
      message: expect.stringContaining('no such process') as unknown,
    });
    await asking.ports.compute!.stop(handle);
    await asking.close();
  });

  test('that the settings forbid is OPERATION_UNSUPPORTED', async () => {
    const silent = await openKubeflow(workplace.kubeconfig, workplace.namespace, {
      checkpointCommand: null,
    });
    const { handle } = await silent.ports.compute!.start(
      contractIntent(RUNS_LONG, freshName('checkpoint')),
    );
    await expectCode(silent.ports.compute!.requestCheckpoint(handle), 'OPERATION_UNSUPPORTED');
    await silent.ports.compute!.stop(handle);
    await silent.close();
  });
});
