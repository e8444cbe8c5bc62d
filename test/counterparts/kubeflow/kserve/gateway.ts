import type { KubernetesClient } from '../../../../backends/connections/kubernetes/client.ts';
import type { HttpRoute } from '../../../../backends/kubeflow/kserve/objects.ts';

const CONTROLLER = 'orrery.test/gateway';
const LOOK_MS = 40;

/** How the gateway takes a new generation of a route. */
export type Manner = 'accepts' | 'refuses' | 'sleeps';

export interface PlayedGateway {
  /** From now on; default `accepts`. */
  manner: Manner;
  close(): Promise<void>;
}

interface Named {
  readonly metadata: { readonly name: string };
}

/**
 * Plays the controller of a Gateway for the HTTPRoutes of a namespace, KServe's and ours: it writes
 * the conditions that the Gateway API asks for, for the generation that it has seen, and looks up
 * whether the Services exist. No gateway runs on this machine without containers.
 *
 * Different from a real one: no request is ever routed; a mirror is accepted and not done.
 */
export function playGateway(client: KubernetesClient): PlayedGateway {
  let open = true;
  const played: { manner: Manner } = { manner: 'accepts' };
  const collection = `/apis/gateway.networking.k8s.io/v1/namespaces/${client.namespace}/httproutes`;
  const round = async () => {
    if (played.manner === 'sleeps') return;
    for (const route of (await client.list<HttpRoute>(collection)).items) {
      if (hasLookedAt(route)) continue;
      const status = await statusOf(client, route, played.manner);
      await client.patch(`${collection}/${route.metadata.name}/status`, 'merge', { status });
    }
  };
  const running = (async () => {
    while (open) {
      // A namespace that is being deleted refuses writes: nothing is left to play then.
      await round().catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  })();
  return Object.assign(played, {
    async close() {
      open = false;
      await running;
    },
  });
}

function hasLookedAt({ metadata, status }: HttpRoute): boolean {
  const conditions = status?.parents?.[0]?.conditions ?? [];
  return conditions.some(({ observedGeneration }) => observedGeneration === metadata.generation);
}

async function statusOf(
  client: KubernetesClient,
  { metadata, spec }: HttpRoute,
  manner: Manner,
): Promise<object> {
  const names = (spec.rules ?? []).flatMap(({ backendRefs = [] }) => backendRefs).map(nameOf);
  const services = await client.list<Named & HttpRoute>(
    `/api/v1/namespaces/${client.namespace}/services`,
  );
  const known = new Set(services.items.map((service) => service.metadata.name));
  const missing = names.find((name) => !known.has(name));
  const condition = (type: string, status: boolean, reason: string, message: string) => ({
    type,
    status: status ? 'True' : 'False',
    reason,
    message,
    observedGeneration: metadata.generation,
    lastTransitionTime: new Date().toISOString(),
  });
  const conditions = [
    manner === 'refuses'
      ? condition('Accepted', false, 'NotAllowedByListeners', 'the listener takes no such route')
      : condition('Accepted', true, 'Accepted', 'the route is served'),
    missing === undefined
      ? condition('ResolvedRefs', true, 'ResolvedRefs', 'all Services are there')
      : condition('ResolvedRefs', false, 'BackendNotFound', `there is no Service ${missing}`),
  ];
  const parents = (spec.parentRefs ?? []).map((parentRef) => ({
    parentRef,
    controllerName: CONTROLLER,
    conditions,
  }));
  return { parents };
}

const nameOf = ({ name }: { readonly name: string }) => name;
