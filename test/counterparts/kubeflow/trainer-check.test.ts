import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { backend } from '../../../backends/kubeflow/index.ts';
import { contractIntent, freshName } from '../../support/contract/harness.ts';
import { openKubeflow, RUNS_LONG } from './trainer-way.ts';
import { openWorkplace } from './workplace.ts';
import type { Workplace } from './workplace.ts';

let workplace: Workplace;
beforeAll(async () => {
  workplace = await openWorkplace();
});
afterAll(() => workplace.close());

describe('check', () => {
  test('finds nothing missing with the documented role and runtime', async () => {
    const worker = await openKubeflow(workplace.kubeconfig, workplace.namespace);
    const findings = await worker.check!();
    await worker.close();
    const faults = findings.filter(({ state }) => state === 'missing');
    expect(faults).toEqual([]);
    expect(findings.map(({ subject }) => subject)).toContain('CRD trainjobs');
  });

  test('names each permission and the namespace that are missing, and rejects nothing', async () => {
    const token = workplace.cluster.tokens.nobody;
    const kubeconfig = await workplace.kubeconfigFor({ token });
    const nobody = await openKubeflow(kubeconfig, 'nowhere');
    const findings = await nobody.check!();
    await nobody.close();
    const permissions = findings.find(({ subject }) => subject === 'permissions');
    expect(permissions?.told).toMatch(/create trainer\.kubeflow\.org\/trainjobs/);
    const admin = await openKubeflow(workplace.cluster.kubeconfig, 'nowhere');
    const told = await admin.check!();
    await admin.close();
    expect(told.find(({ subject }) => subject === 'namespace nowhere')?.state).toBe('missing');
  });

  test('tells an API server that does not answer', async () => {
    const kubeconfig = await workplace.kubeconfigFor({ server: 'https://127.0.0.1:9' });
    const away = await openKubeflow(kubeconfig, workplace.namespace);
    const [endpoint] = await away.check!();
    await away.close();
    expect(endpoint).toMatchObject({ subject: 'endpoint', state: 'missing' });
  });
});

test('A server whose certificate nobody vouches for is SETTINGS_INVALID', async () => {
  const { cluster, kubeconfig, namespace } = workplace;
  const runtime = { name: 'orrery', kind: 'TrainingRuntime' };
  const untrusting = await backend.open(
    backend.settings.parse({
      // Some certificate that is no authority of the server's.
      cluster: { kubeconfig, namespace, caFile: cluster.certificates.cert },
      trainer: { runtimes: { train: runtime }, outputUri: 's3://models/orrery' },
    }),
  );
  const start = untrusting.ports.compute!.start(contractIntent(RUNS_LONG, freshName('untrusted')));
  await expect(start).rejects.toMatchObject({
    code: 'SETTINGS_INVALID',
    message: expect.stringContaining('caFile') as unknown,
  });
  await untrusting.close();
});
