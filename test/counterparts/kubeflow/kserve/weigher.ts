import { isDeepStrictEqual } from 'node:util';

import type { KubernetesClient } from '../../../../backends/connections/kubernetes/client.ts';
import type {
  BackendRef,
  HttpRoute,
  InferenceService,
} from '../../../../backends/kubeflow/kserve/objects.ts';

const LOOK_MS = 40;

export interface PlayedWeigher {
  close(): Promise<void>;
}

/**
 * Plays the one thing that KServe 0.20.0 lacks and later ones have: weights of canaries on the
 * HTTPRoutes that KServe makes, ready canaries alone, by applyCanaryWeights of kserve
 * `reconcilers/ingress/httproute_reconciler.go` as of kserve/kserve#5984. The controller beside it is
 * the real 0.20.0, whose comparison takes a weighted route for the unweighted one that it wants, and
 * so leaves it alone while canaries are added, but not when it has another reason to write.
 */
export function playWeigher(client: KubernetesClient): PlayedWeigher {
  let open = true;
  const { namespace } = client;
  const services = `/apis/serving.kserve.io/v1beta1/namespaces/${namespace}/inferenceservices`;
  const routes = `/apis/gateway.networking.k8s.io/v1/namespaces/${namespace}/httproutes`;
  const round = async () => {
    for (const service of (await client.list<InferenceService>(services)).items) {
      const { name } = service.metadata;
      const found = await client.get<HttpRoute>(`${routes}/${name}`);
      if (found === null) continue;
      const rules = (found.spec.rules ?? []).map((rule) => ({
        ...rule,
        backendRefs: weighted(service, rule.backendRefs ?? []),
      }));
      if (isDeepStrictEqual(rules, found.spec.rules)) continue;
      await client.patch(`${routes}/${name}`, 'merge', { spec: { rules } });
    }
  };
  const running = (async () => {
    while (open) {
      // KServe writes too; who loses the race comes again.
      await round().catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  })();
  return {
    async close() {
      open = false;
      await running;
    },
  };
}

function weighted(
  { metadata, spec, status }: InferenceService,
  [template]: readonly BackendRef[],
): readonly BackendRef[] {
  if (template === undefined) return [];
  const nameOf = (arm = '') => `${metadata.name}-${arm}-predictor`;
  const ready = (spec.canary ?? []).filter(({ predictor }) =>
    status?.canaryStatuses?.some((canary) => canary.name === predictor.name && canary.ready),
  );
  const sum = ready.reduce((total, { trafficPercent }) => total + trafficPercent, 0);
  const stable = { ...template, name: nameOf(spec.predictor.name), weight: 100 - sum };
  if ((spec.canary ?? []).length === 0) return [{ ...stable, weight: 1 }];
  return [
    stable,
    ...ready.map(({ predictor, trafficPercent }) => ({
      ...template,
      name: nameOf(predictor.name),
      weight: trafficPercent,
    })),
  ];
}
