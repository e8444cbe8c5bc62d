import { backend } from '../../../backends/kubeflow/index.ts';
import { provenanceOf } from '../../../backends/kubeflow/kfp/provenance.ts';
import { openPorts, type Harness } from '../../support/contract/harness.ts';
import type { Soak } from '../../support/soak-runs.ts';
import { kfpFacts, QUICK, SAMPLE, startKfp } from '../kfp/open.ts';

/** Pipelines by the backend as a worker opens it, behind KFP's published API. */
export async function openKfpHarness(): Promise<Harness> {
  const server = await startKfp();
  const settings = backend.settings.parse({ kfp: { ...QUICK, url: server.url } });
  const opened = openPorts(await backend.open(settings));
  return {
    ...opened,
    ...kfpFacts(),
    close: async () => {
      await opened.close();
      await server.close();
      if (server.violations.length > 0) throw new Error(server.violations.join('\n'));
    },
  };
}

/** Killed workers and a world that outlives them: its ledger is every workflow that it ever made. */
export async function openKfpSoak(): Promise<Soak> {
  const server = await startKfp();
  const { world } = server;
  return {
    backend: 'kubeflow',
    settings: { kfp: { ...QUICK, url: server.url } },
    work: {
      port: 'pipeline',
      run: { pipeline: SAMPLE, params: { course: 'succeeds', ms: 3000 } },
    },
    ledger: async () =>
      [...world.workflows.values()].map((workflow) => ({
        key: workflow.runName,
        workflowId: provenanceOf(workflow.about)?.labels.workflowId ?? '',
        live: world.isLive(workflow),
      })),
    close: async () => {
      await server.close();
      if (server.violations.length > 0) throw new Error(server.violations.join('\n'));
    },
  };
}
