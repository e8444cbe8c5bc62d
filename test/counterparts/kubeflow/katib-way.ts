import { backend } from '../../../backends/kubeflow/index.ts';
import { openPorts, type Harness } from '../../support/contract/harness.ts';
import { adminClient } from '../kubernetes/running.ts';
import { KatibDouble } from './katib/controller.ts';
import { serveKatibApi } from './katib/crds.ts';
import { RUNS_LONG, settingsFor, SUCCEEDS } from './trainer-way.ts';
import { openWorkplace, type Workplace } from './workplace.ts';

export interface KatibPlace extends Harness {
  readonly workplace: Workplace;
  readonly katib: KatibDouble;
}

/** Searches on a real cluster with the real Trainer; Katib's own part is played. */
export async function openKatibHarness(): Promise<KatibPlace> {
  const workplace = await openWorkplace();
  await serveKatibApi(workplace.admin);
  const client = adminClient(workplace.cluster, workplace.namespace);
  const katib = new KatibDouble(client);
  const { cluster, trainer } = settingsFor(workplace.kubeconfig, workplace.namespace);
  const settings = backend.settings.parse({ cluster, trainer, katib: {} });
  const opened = openPorts(await backend.open(settings));
  return {
    ...opened,
    workplace,
    katib,
    tuning: {
      succeeds: SUCCEEDS,
      runsLong: RUNS_LONG,
      unknownRemoteId: (key) => `${workplace.namespace}/${key.slice(0, 30)}/no-such-uid`,
    },
    close: async () => {
      await opened.close();
      await katib.close();
      await client.close();
      await workplace.close();
      if (katib.refused.length > 0) throw new Error(katib.refused.join('\n'));
    },
  };
}
