import { backend } from '../../../backends/kubeflow/index.ts';
import { openPorts, type Harness } from '../../support/contract/harness.ts';
import { openKserveWorld } from './kserve/world.ts';

/** Servers and traffic by the backend as a worker opens it, on KServe's real controller. */
export async function openKserveHarness(): Promise<Harness> {
  const world = await openKserveWorld({ split: 'http-route' });
  const { client, kubeconfig, settings, artifacts, signer } = world;
  const cluster = { kubeconfig, namespace: client.namespace };
  const opened = openPorts(
    await backend.open(backend.settings.parse({ cluster, kserve: settings })),
  );
  return {
    ...opened,
    ports: { ...opened.ports, artifacts, signer },
    modelBytes: async (version) => new TextEncoder().encode(`the model file of ${version}`),
    upstream: async (version, route) => {
      const reading = await world.serving.deploy(await world.specFor(route, version));
      return reading.address ?? '';
    },
    cannot: ['sticky'],
    // Nothing opens the file: KWOK plays the pods.
    loadsModels: false,
    close: async () => {
      await opened.close();
      await world.close();
    },
  };
}
