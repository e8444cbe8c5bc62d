import type { Harnesses } from '../../support/contract/all.ts';
import { openPorts, type Harness } from '../../support/contract/harness.ts';
import { flowOf, shellTask } from './flows.ts';
import { openAirflow } from './opened.ts';

/** The backend on a real Airflow 3.3 with PostgreSQL and LocalExecutor. */
async function openReal(): Promise<Harness> {
  const { open } = await openAirflow();
  return {
    ...openPorts(open),
    pipeline: {
      succeeds: { pipeline: 'contract-passes', params: {} },
      fails: { pipeline: 'contract-fails', params: {} },
      runsLong: { pipeline: 'contract-runs-long', params: {} },
      retries: true,
      unknownRemoteId: (key) => `contract-passes/${key}`,
    },
    definition: (variant) => ({
      kind: 'flow',
      flow: flowOf([shellTask('only', `exit ${variant - 1}`)]),
    }),
  };
}

export const harnesses: Harnesses = { airflow: { open: openReal } };
