import type { BackendFinding } from '../../../core/backend.ts';
import { LABELS } from '../../../core/labels.ts';
import type { RemoteWork } from '../../../core/ports/inventory.ts';
import type { KubernetesClient } from '../../connections/kubernetes/client.ts';
import { secondsOf } from '../../connections/kubernetes/objects.ts';
import type { Part } from '../part.ts';
import type { TrainerSettings } from '../trainer/settings.ts';
import { KatibTuning } from '../tuning.ts';
import { experimentsPath, remoteIdOf, type Experiment } from './objects.ts';
import { experimentPhase } from './reading.ts';
import { isKatibServed } from './served.ts';

/** Katib: searches. */
export function openKatib(client: KubernetesClient, trainer: TrainerSettings): Part {
  return {
    ports: { tuning: new KatibTuning(client, trainer) },
    list: () => listExperiments(client),
    check: () => checkKatib(client),
  };
}

async function listExperiments(client: KubernetesClient): Promise<readonly RemoteWork[]> {
  if (!(await isKatibServed(client))) return [];
  const { items } = await client.list<Experiment>(experimentsPath(client.namespace), {
    labelSelector: `${LABELS.managed}=true`,
  });
  return items.map((experiment) => {
    const { metadata, status } = experiment;
    const told = (name: string) => metadata.annotations?.[name] ?? '';
    const started = status?.startTime;
    const end =
      status?.completionTime === undefined ? Date.now() / 1000 : secondsOf(status.completionTime);
    return {
      port: 'tuning',
      key: metadata.labels?.[LABELS.key] ?? '',
      remoteId: remoteIdOf(experiment),
      phase: experimentPhase(status?.conditions),
      labels: {
        model: told(LABELS.model),
        version: told(LABELS.version),
        workflowId: told(LABELS.workflowId),
      },
      startedAt: started ?? null,
      // Of the search as a whole: how many trials ran at once is theirs to tell.
      billableSeconds: started === undefined ? 0 : Math.max(0, end - secondsOf(started)),
      costUsd: null,
    };
  });
}

async function checkKatib(client: KubernetesClient): Promise<readonly BackendFinding[]> {
  const subject = 'CRD experiments';
  try {
    return (await isKatibServed(client))
      ? [{ subject, state: 'ok', told: 'kubeflow.org/v1beta1 is served', action: '' }]
      : [
          {
            subject,
            state: 'missing',
            told: 'kubeflow.org/v1beta1 has no experiments',
            action: 'Install Katib, or search with engine "orrery" of tuneModel',
          },
        ];
  } catch (error) {
    const told = error instanceof Error ? error.message : String(error);
    return [{ subject, state: 'unknown', told, action: 'Check the cluster, then try again' }];
  }
}
