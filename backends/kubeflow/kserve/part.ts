import type { KubernetesClient } from '../../connections/kubernetes/client.ts';
import type { Part } from '../part.ts';
import { createServing } from '../serving.ts';
import { createTraffic } from '../traffic.ts';
import { checkKserve } from './check.ts';
import type { KserveSettings } from './settings.ts';

/** KServe: model servers and the traffic between them. */
export function openKserve(client: KubernetesClient, settings: KserveSettings): Part {
  return {
    ports: { serving: createServing(client, settings), traffic: createTraffic(client, settings) },
    check: () => checkKserve(client, settings),
  };
}
