import { marksOf } from '../../../backends/airflow/marks.ts';
import { isOver } from '../../../backends/airflow/run-reading.ts';
import { listRuns } from '../../../backends/airflow/runs.ts';
import type { Harnesses } from '../../support/contract/all.ts';
import { openPorts, type Harness } from '../../support/contract/harness.ts';
import type { OpenSoak, Soak } from '../../support/soak-runs.ts';
import { flowOf, shellTask } from './flows.ts';
import { openAirflow } from './opened.ts';
import { defined, witness } from './runs.ts';

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

/** More runs than a soak makes. */
const LEDGER_MAX = 100_000;

/** A DAG of its own, so that its runs are all that the workers of this soak made. */
async function openKills(): Promise<Soak> {
  const opened = await openAirflow();
  const dag = await defined(opened, 'kills', flowOf([shellTask('only', 'sleep 1')]));
  return {
    backend: 'airflow',
    settings: { ...opened.settings, pollSeconds: 1 },
    work: { port: 'pipeline', run: { pipeline: dag, params: {} } },
    ledger: async () => {
      const runs = await witness(opened.settings, (client) =>
        listRuns(client, {}, LEDGER_MAX, dag),
      );
      return runs.map((run) => ({
        key: run.dag_run_id,
        workflowId: marksOf(run.conf)?.labels.workflowId ?? '',
        live: !isOver(run),
      }));
    },
    close: async () => {
      // After a soak that failed there may be runs that its workers left.
      const live = { state: ['queued', 'running'] };
      const left = await witness(opened.settings, (client) => listRuns(client, live, 1000, dag));
      for (const { dag_run_id: key } of left) {
        await opened.port('pipeline').stop({ key, remoteId: `${dag}/${key}` });
      }
      await opened.port('definitions').remove(dag);
      await opened.open.close();
    },
  };
}

export const soaks: Readonly<Record<string, OpenSoak>> = { airflow: openKills };
