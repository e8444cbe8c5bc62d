import type { KubernetesClient } from '../../connections/kubernetes/client.ts';
import { TrainerCompute } from '../compute.ts';
import type { Part } from '../part.ts';
import { checkTrainer } from './check.ts';
import { listTrainJobs } from './inventory.ts';
import type { PriceBook, TrainerSettings } from './settings.ts';

/** Kubeflow Trainer: jobs. */
export function openTrainer(
  client: KubernetesClient,
  settings: TrainerSettings,
  book: PriceBook | undefined,
): Part {
  const compute = new TrainerCompute(client, settings);
  return {
    ports: { compute },
    list: () => listTrainJobs(client, book),
    check: () => checkTrainer(client, settings).catch(unforeseen),
    close: () => Promise.resolve(compute.close()),
  };
}

function unforeseen(error: unknown) {
  const told = error instanceof Error ? error.message : String(error);
  return [{ subject: 'trainer', state: 'unknown' as const, told, action: 'Try again' }];
}
