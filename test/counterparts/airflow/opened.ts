import { backend } from '../../../backends/airflow/index.ts';
import type { AirflowSettings } from '../../../backends/airflow/settings.ts';
import type { OpenBackend, Ports } from '../../../core/backend.ts';
import type { DataFlow } from '../../../core/ports/definitions.ts';
import { portOf } from '../../support/contract/harness.ts';
import { FAILING, LONG, PASSING } from './flows.ts';
import { ensureAirflow } from './running.ts';
import type { AirflowState } from './server.ts';
import { settingsFor } from './login.ts';

/** DAGs that tests start and never change, by name. */
const COMMON: Readonly<Record<string, DataFlow>> = {
  'contract-passes': PASSING,
  'contract-fails': FAILING,
  'contract-runs-long': LONG,
};

/** The backend on the real Airflow. */
export interface OpenedAirflow {
  readonly airflow: AirflowState;
  readonly settings: AirflowSettings;
  readonly open: OpenBackend;
  port<Name extends keyof Ports>(name: Name): Ports[Name];
}

/** Attaches to the Airflow of this machine and opens the backend, with the common DAGs defined. */
export async function openAirflow(
  more: Readonly<Record<string, unknown>> = {},
): Promise<OpenedAirflow> {
  const airflow = await ensureAirflow();
  const settings = settingsFor(airflow, more);
  const open = await backend.open(settings);
  const opened: OpenedAirflow = {
    airflow,
    settings,
    open,
    port: (name) => portOf({ ports: open.ports } as Parameters<typeof portOf>[0], name) as never,
  };
  await Promise.all(
    Object.entries(COMMON).map(([name, flow]) =>
      opened.port('definitions').put({ name, content: { kind: 'flow', flow } }),
    ),
  );
  return opened;
}
