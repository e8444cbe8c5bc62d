import type { Backend } from '../../core/backend.ts';
import { createAssets } from './assets.ts';
import { createBackfill } from './backfill.ts';
import { checkAirflow } from './check.ts';
import { createClient } from './client.ts';
import { createDefinitions } from './definitions.ts';
import { createInventory } from './inventory.ts';
import { createPipeline } from './pipeline.ts';
import { createPools } from './pools.ts';
import { airflowSettings, type AirflowSettings } from './settings.ts';

/** Opening talks to nobody: the first call logs in. */
export const backend: Backend<AirflowSettings> = {
  name: 'airflow',
  summary: 'Apache Airflow 3: runs of DAGs, DAGs from declared data, assets, backfills and pools',
  has: ['assets', 'backfill', 'definitions', 'inventory', 'pipeline', 'pools'],
  lacks: {
    artifacts: 'Airflow keeps no files: XComs are small values',
    compute: 'Airflow runs DAGs, not programs by themselves: define a DAG of one task',
    metrics: 'Airflow counts no requests to a model',
    models: 'Airflow has no model registry',
    prices: 'Airflow does not know what its workers cost',
    serving: 'Airflow serves no models',
    signer: 'Airflow holds no signing key for others',
    traffic: 'Airflow routes no requests',
    tuning: 'Airflow has no search: a DAG may hold one as mapped tasks',
  },
  settings: airflowSettings,
  open: (settings) => {
    const client = createClient(settings);
    return Promise.resolve({
      ports: {
        assets: createAssets(client),
        backfill: createBackfill(settings, client),
        definitions: createDefinitions(settings, client),
        inventory: createInventory(client),
        pipeline: createPipeline(settings, client),
        pools: createPools(client),
      },
      check: () => checkAirflow(settings, client),
      close: () => client.close(),
    });
  },
};
