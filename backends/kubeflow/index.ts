import type { Backend, OpenBackend } from '../../core/backend.ts';
import { OrreryError } from '../../core/errors.ts';
import { connectKubernetes } from '../connections/kubernetes/client.ts';
import type { KubernetesClient } from '../connections/kubernetes/client.ts';
import { openKfp } from './kfp/part.ts';
import { openKatib } from './katib/part.ts';
import { openKserve } from './kserve/part.ts';
import type { Part } from './part.ts';
import { kubeflowSettings } from './settings.ts';
import type { KubeflowSettings } from './settings.ts';
import { openTrainer } from './trainer/part.ts';
import { createPrices } from './trainer/prices.ts';
import type { TrainerSettings } from './trainer/settings.ts';

/** Each system of Kubeflow that the settings name is a part; the ports of the others are not opened. */
async function openParts(settings: KubeflowSettings, cluster: () => KubernetesClient) {
  const { katib, kfp, kserve, trainer, prices } = settings;
  const parts: Part[] = [];
  if (trainer !== undefined) parts.push(openTrainer(cluster(), trainer, prices));
  if (kfp !== undefined) parts.push(await openKfp(kfp));
  if (kserve !== undefined) parts.push(openKserve(cluster(), kserve));
  if (katib !== undefined) parts.push(openKatib(cluster(), trainerOf(settings)));
  if (prices !== undefined) parts.push({ ports: { prices: createPrices(prices) } });
  return parts;
}

/** Opening asks nobody: a cluster that does not answer shows at the first call that needs it. */
export const backend: Backend<KubeflowSettings> = {
  name: 'kubeflow',
  summary:
    'Kubeflow on Kubernetes: jobs by Trainer, pipelines by Kubeflow Pipelines, model servers by KServe, searches by Katib',
  has: [
    'compute',
    'definitions',
    'inventory',
    'pipeline',
    'prices',
    'serving',
    'traffic',
    'tuning',
  ],
  lacks: {
    artifacts: 'Kubernetes has no object store: programs write to one themselves',
    assets: 'Kubeflow schedules by time, not by data',
    backfill: 'recurring runs of Kubeflow Pipelines catch up by themselves or not at all',
    metrics: 'requests are counted by the gateway: name the backend of its metrics',
    models: 'its registry has no compare-and-swap champion',
    pools: 'namespaces and quotas isolate: they are the administrator’s',
    signer: 'Kubernetes signs no models',
  },
  settings: kubeflowSettings,
  open: async (settings) => {
    let client: KubernetesClient | null = null;
    const cluster = () => (client ??= connect(settings));
    const parts = await openParts(settings, cluster);
    return joined(parts, async () => {
      for (const part of parts) await part.close?.();
      await client?.close();
    });
  },
};

function connect({ cluster }: KubeflowSettings): KubernetesClient {
  if (cluster !== undefined) return connectKubernetes(cluster);
  throw new OrreryError(
    'SETTINGS_INVALID',
    'Cannot open the backend "kubeflow": a system on Kubernetes is named but no "cluster"',
  );
}

/** The trials of a search are TrainJobs like those of `compute`. */
function trainerOf({ trainer }: KubeflowSettings): TrainerSettings {
  if (trainer !== undefined) return trainer;
  throw new OrreryError(
    'SETTINGS_INVALID',
    'Cannot open the backend "kubeflow": "katib" is named but no "trainer", whose runtimes its trials use',
  );
}

function joined(parts: readonly Part[], close: () => Promise<void>): OpenBackend {
  const gather = async <T>(ask: (part: Part) => Promise<readonly T[]> | undefined) =>
    (await Promise.all(parts.map(async (part) => (await ask(part)) ?? []))).flat();
  const list = async () => {
    const work = await gather((part) => part.list?.());
    return work.toSorted((a, b) => ((a.startedAt ?? '~') < (b.startedAt ?? '~') ? 1 : -1));
  };
  return {
    ports: Object.assign({ inventory: { list } }, ...parts.map(({ ports }) => ports)),
    check: () => gather((part) => part.check?.()),
    close,
  };
}
