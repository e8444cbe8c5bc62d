import type { KubernetesClient } from '../../connections/kubernetes/client.ts';
import { deploymentHealth, starting } from './health.ts';
import type { Health } from './health.ts';
import { readArmFacts } from './names.ts';
import type { ArmFacts } from './names.ts';
import { paths } from './objects.ts';
import type { Deployment, InferenceService, Predictor } from './objects.ts';
import { ownMembers, STANDARD_ANNOTATIONS } from './predictor.ts';
import { applyRouteService, isGoing, isStopped, readRouteService } from './route-services.ts';
import { predictorName } from './version-services.ts';

/** One version of a route: the stable predictor, or a canary. */
export interface CanaryArm {
  /** `spec.predictor.name`, part of the names of its Deployment and Service. */
  readonly name: string;
  readonly facts: ArmFacts;
  readonly predictor: Predictor;
}

/**
 * A route as `spec.predictor` and `spec.canary[]` of one InferenceService in Standard mode.
 *
 * The first version is the stable one. Every later one comes as a canary at 0 % and gets its share
 * once it is ready. A canary with 100 % serves alone while the stable one stays warm, so that there
 * is a way back. When the stable one is undeployed then, the canary's predictor moves into its place
 * under its own name: Deployment and pods stay as they are.
 */
export interface CanaryRoute {
  readonly route: string;
  readonly service: InferenceService;
  readonly stable: CanaryArm;
  readonly canaries: readonly (CanaryArm & { readonly percent: number })[];
}

export type CanaryChange = Pick<CanaryRoute, 'stable' | 'canaries'> & {
  readonly stopped?: boolean;
};

export const isServed = ({ service }: CanaryRoute) => !isGoing(service) && !isStopped(service);

export async function readCanaryRoute(
  client: KubernetesClient,
  route: string,
): Promise<CanaryRoute | null> {
  const service = await readRouteService(client, route);
  return service === null ? null : canaryRouteOf(route, service);
}

/** null when the stable predictor is none of ours, as one made for another split. */
export function canaryRouteOf(route: string, service: InferenceService): CanaryRoute | null {
  const stable = armOf(service.spec.predictor);
  if (stable === null) return null;
  const canaries = (service.spec.canary ?? []).flatMap(({ predictor, trafficPercent }) => {
    const arm = armOf(predictor);
    return arm === null ? [] : [{ ...arm, percent: trafficPercent }];
  });
  return { route, service, stable, canaries };
}

function armOf(predictor: Predictor): CanaryArm | null {
  const facts = readArmFacts(predictor.annotations);
  if (facts === null || predictor.name === undefined) return null;
  return { name: predictor.name, facts, predictor: ownMembers(predictor) };
}

/**
 * Replicas are fixed, since a canary takes no autoscaler. KServe runs as many stable servers fewer as
 * ready canaries have, so the stable predictor asks for as many more: its own number stays. A canary
 * must ask for its own, because at 0 % the default is none, and then it is never ready.
 * kserve v0.20.0 pkg/controller/v1beta1/inferenceservice/components/predictor.go, canaryReplicaCount.
 */
export async function applyCanaryRoute(
  client: KubernetesClient,
  route: string,
  { stable, canaries, stopped = false }: CanaryChange,
  before: InferenceService | null,
  replicas: number,
): Promise<boolean> {
  const stableReplicas = replicas * (1 + canaries.length);
  return applyRouteService(
    client,
    {
      route,
      annotations: STANDARD_ANNOTATIONS,
      stopped,
      spec: {
        predictor: { ...stable.predictor, name: stable.name, minReplicas: stableReplicas },
        ...(canaries.length === 0
          ? {}
          : {
              canary: canaries.map(({ name, predictor, percent }) => ({
                predictor: { ...predictor, name, minReplicas: replicas },
                trafficPercent: percent,
              })),
            }),
      },
    },
    before,
  );
}

export function deploymentPath(client: KubernetesClient, service: string, arm: string): string {
  return paths.deployment(client.namespace, predictorName(service, arm));
}

export async function armHealth(
  client: KubernetesClient,
  { service, stable }: CanaryRoute,
  { name }: CanaryArm,
): Promise<Health> {
  const path = deploymentPath(client, service.metadata.name, name);
  const deployment = await client.get<Deployment>(path);
  if (name === stable.name) return deploymentHealth(deployment, service.status);
  const canary = service.status?.canaryStatuses?.find((status) => status.name === name);
  const { modelStatus } = canary ?? {};
  const health = deploymentHealth(deployment, modelStatus === undefined ? {} : { modelStatus });
  if (health.phase !== 'ready' || canary?.ready === true) return health;
  return starting('its servers are available, and KServe does not call the canary ready yet');
}
